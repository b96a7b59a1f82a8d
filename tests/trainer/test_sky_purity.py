"""Purity on the sky: the odds before looking times TPR over FPR, and nothing where too few negatives lie above."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.scored_samples import scored_sample
from trainer.intervals import Bootstrap, units_of
from trainer.metrics import RateAtFpr, rates_and_intervals
from trainer.scored_rows import ScoredRows
from trainer.sky_purity import SKY_PREVALENCES, expected_purity

HOW = Bootstrap(200, 1)


def rates_of(rows: ScoredRows) -> list[RateAtFpr]:
    return rates_and_intervals(rows.logits, rows.labels, rows.cells, draws=2, seed=1, objects=rows.objects)[1]


def test_purity_counts_the_candidates_of_a_sky() -> None:
    rows = scored_sample(20_000)
    for rate in rates_of(rows)[:3]:
        tpr = (rows.logits[rows.lens] >= rate.threshold).mean()
        fpr = (rows.logits[~rows.lens] >= rate.threshold).mean()
        for purity, prevalence in zip(expected_purity(rows, rate, units_of(rows.cells), HOW), SKY_PREVALENCES, strict=True):
            true, false = prevalence * tpr, (1 - prevalence) * fpr
            assert purity.interval is not None and purity.prevalence == prevalence
            assert purity.interval.value == pytest.approx(true / (true + false), rel=1e-9)
            assert purity.interval.low < purity.interval.value < purity.interval.high


def test_its_interval_holds_the_noise_of_the_false_positives() -> None:
    """Some 20 false positives leave purity uncertain by a quarter, though the threshold stays."""
    rows = scored_sample(4000, shift=3.0)
    purity = expected_purity(rows, rates_of(rows)[1], units_of(rows.hosts), HOW)[0].interval
    assert purity is not None
    spread = np.log(purity.high / purity.low) / (2 * 1.96)
    assert spread == pytest.approx(1 / np.sqrt(20), rel=0.25)


def test_a_rate_that_is_not_supported_has_no_purity_and_says_why() -> None:
    rows = scored_sample(2000)
    for purity in expected_purity(rows, rates_of(rows)[2], units_of(rows.cells), HOW):
        assert purity.interval is None
        assert purity.why == "1000 distinct negatives let 1 be expected above; wanted at least 10"


def test_a_tie_that_leaves_no_false_positive_is_no_perfect_purity() -> None:
    rows = scored_sample(4000)
    rows = replace(rows, logits=np.where(rows.lens, rows.logits, np.minimum(rows.logits, 0.0)))  # half of them at zero
    (rate,) = (rate for rate in rates_of(rows) if rate.fpr == 0.1)
    assert rate.supported and (rows.logits[~rows.lens] < rate.threshold).all()
    purity = expected_purity(rows, rate, units_of(rows.cells), HOW)[0]
    assert purity.interval is None and purity.why == "0 distinct negatives lie above the threshold; wanted at least 10"
