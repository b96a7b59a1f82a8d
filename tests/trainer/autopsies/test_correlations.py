"""Correlations are those of scipy, stay under what must not change them, and keep their objects and units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import pearsonr, rankdata, spearmanr

from tests.trainer.autopsies.drawn_sets import drawn_set
from tests.trainer.autopsies.planted_anchors import Cause
from trainer.autopsies.correlations import correlation_part, pearson, weighted_ranks
from trainer.autopsies.findings import Finding
from trainer.autopsies.image_sets import ImageSet
from trainer.autopsies.measurements import Measured
from trainer.gates.class_scores import Chance
from trainer.judge import Numbers

HOW = Chance(draws=60, seed=3)
X, _SCATTER = np.random.default_rng(11).normal(size=(2, 60))
LOGITS = 0.6 * X + _SCATTER


def the_set(values: Numbers, logits: Numbers = LOGITS, name: str = "anchors") -> tuple[ImageSet, Measured]:
    """Sixty objects with a column ``theta_e_arcsec``; a peak that is the same for all says nothing."""
    one = drawn_set(name, Cause(), count=1)
    of = one.of(np.zeros(len(values), np.int64))
    of = replace(of, columns={"theta_e_arcsec": values}, logits=logits, units=np.arange(len(values)))
    return of, {"peak_r": np.ones(len(values))}


def found(side: tuple[ImageSet, Measured], how: Chance = HOW) -> dict[str, Finding]:
    return {one.name.rsplit(".", 1)[1]: one for one in correlation_part([side], how).findings}


def test_without_weights_they_are_those_of_scipy() -> None:
    findings = found(the_set(X))
    p = 1 / (1 + np.exp(-LOGITS))
    assert findings["Pearson r of p"].interval.value == pytest.approx(pearsonr(X, p).statistic, abs=1e-12)
    assert findings["Pearson r of the logit"].interval.value == pytest.approx(pearsonr(X, LOGITS).statistic, abs=1e-12)
    assert findings["Spearman of either"].interval.value == pytest.approx(spearmanr(X, LOGITS).statistic, abs=1e-12)


def test_a_weight_of_two_is_the_object_twice() -> None:
    weight = np.random.default_rng(12).integers(0, 4, 60).astype(np.float64)
    repeated = np.repeat(np.arange(60), weight.astype(np.int64))
    assert pearson(X, LOGITS, weight) == pytest.approx(pearsonr(X[repeated], LOGITS[repeated]).statistic, abs=1e-12)
    ranks = weighted_ranks(X.round(1), weight)
    assert np.allclose(ranks[repeated] + 0.5, rankdata(X.round(1)[repeated]))


def test_spearman_does_not_change_where_the_values_are_stretched_and_pearson_does() -> None:
    plain, stretched = found(the_set(X)), found(the_set(np.exp(3 * X)))
    assert stretched["Spearman of either"].interval == plain["Spearman of either"].interval
    assert abs(stretched["Pearson r of p"].interval.value - plain["Pearson r of p"].interval.value) > 0.05


def test_a_perfect_line_has_no_interval() -> None:
    perfect = found(the_set(LOGITS))["Pearson r of the logit"].interval
    assert perfect.low == pytest.approx(1) and perfect.high == pytest.approx(1)


def test_nineteen_of_twenty_intervals_of_noise_or_nearly_so_hold_zero() -> None:
    holding = 0
    for seed in range(60):
        x, logits = np.random.default_rng([5, seed]).normal(size=(2, 30))
        interval = found(the_set(x, logits), Chance(draws=60, seed=seed))["Pearson r of the logit"].interval
        holding += interval.low <= 0 <= interval.high
    assert 0.83 * 60 <= holding < 60  # a percentile bootstrap of 30 objects covers 0.91 to 0.94 over 200 sets


def test_objects_that_share_a_unit_are_drawn_together_and_widen_the_interval() -> None:
    of, measured = the_set(np.repeat(X[:15], 4), np.repeat(LOGITS[:15], 4))
    alone, shared = (of, measured), (replace(of, units=np.repeat(np.arange(15), 4), unit="cell"), measured)
    width = [np.ptp((one.low, one.high)) for one in (found(side)["Pearson r of p"].interval for side in (alone, shared))]
    assert width[1] > 1.4 * width[0]
    assert found(shared)["Pearson r of p"].objects == "60 in 15 cells"


def test_a_value_that_is_not_known_takes_no_part() -> None:
    values = X.copy()
    values[:20] = np.nan
    finding = found(the_set(values))["Pearson r of the logit"]
    assert finding.n == 40
    assert finding.interval.value == pytest.approx(pearsonr(X[20:], LOGITS[20:]).statistic, abs=1e-12)


def test_a_column_of_few_or_equal_values_is_named_and_gets_no_figure() -> None:
    values = np.full(60, np.nan)
    values[:9] = X[:9]
    for short in (values, np.ones(60)):
        part = correlation_part([the_set(short)], HOW)
        assert not part.findings
        assert "theta_e_arcsec" in part.absent[0] and "central brightness" in part.absent[0]


def test_the_failed_figure_stands_beside_the_anchors_pearson_of_p_alone() -> None:
    assert [one.failed for one in found(the_set(X)).values()] == ["0.021", "", ""]
    assert not any(one.failed for one in found(the_set(X, name="lenses")).values())
