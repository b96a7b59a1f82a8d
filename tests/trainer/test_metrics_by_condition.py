"""Parts of a split: who is in which, thresholds that stay, and a reason where a part is too small to speak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.scored_samples import scored_sample
from trainer.intervals import Bootstrap, wilson_interval
from trainer.metrics import RateAtFpr, area_under_roc, rates_and_intervals
from trainer.metrics_by_condition import LENS_EDGES, by_condition, by_kind
from trainer.scored_rows import ScoredRows

HOW = Bootstrap(20, 1)


def rates_of(rows: ScoredRows) -> list[RateAtFpr]:
    return rates_and_intervals(rows.logits, rows.labels, rows.cells, draws=2, seed=1, objects=rows.objects)[1]


def with_condition(rows: ScoredRows, **conditions: np.ndarray) -> ScoredRows:
    return replace(rows, conditions=conditions)


def test_lenses_are_binned_and_all_negatives_stay_the_reference() -> None:
    rows = scored_sample(6000)
    values = np.where(rows.lens, np.random.default_rng(3).uniform(0, 2.5, 6000), np.nan)
    rows = with_condition(rows, theta_e_over_fwhm=values)
    rates = rates_of(rows)
    condition = by_condition(rows, rates, HOW)["theta_e_over_fwhm"]
    assert condition.n_without == 0 and sum(cell.n_positive for cell in condition.cells) == 3000
    assert [cell.lower for cell in condition.cells] == list(LENS_EDGES["theta_e_over_fwhm"][:-1])
    for cell in condition.cells:
        lenses = rows.lens & (values >= cell.lower) & (values < cell.upper)
        assert (cell.n_positive, cell.n_negative, cell.n_distinct_negative) == (lenses.sum(), 3000, 3000)
        assert cell.tpr is not None and [share.split_fpr for share in cell.tpr] == [0.1, 0.01]  # 3000 support no more
        for share, rate in zip(cell.tpr, rates, strict=False):
            expected = wilson_interval(float((rows.logits[lenses] >= rate.threshold).mean()), int(lenses.sum()))
            assert (share.value, share.low, share.high) == (expected.value, expected.low, expected.high)
        assert cell.fpr is None and cell.auc is None and cell.why is None


def test_a_value_on_an_edge_belongs_to_the_part_above_and_null_to_none() -> None:
    rows = scored_sample(8)
    rows = with_condition(rows, arc_snr=np.array([np.nan, 9.99, np.nan, 10.0, np.nan, 1e9, np.nan, np.nan]))
    condition = by_condition(rows, rates_of(rows), HOW)["arc_snr"]
    assert [cell.n_positive for cell in condition.cells] == [1, 1, 0, 0, 0, 0, 1]
    assert condition.n_without == 1  # a lens without a value; the negatives have none to have


def test_the_threshold_is_the_splits_and_not_the_parts() -> None:
    """Where the sky is bad every logit is higher by three: many more negatives are mistaken, and the AUC is as it was."""
    rows = scored_sample(20_000)
    bad = rows.cells >= 32
    rows = replace(rows, logits=rows.logits + 3.0 * bad, conditions={"psf_fwhm_r_arcsec": np.where(bad, 2.0, 1.0)})
    good_sky, bad_sky = by_condition(rows, rates_of(rows), HOW)["psf_fwhm_r_arcsec"].cells
    assert (good_sky.n_negative, bad_sky.n_negative) == (8000, 2000)
    assert good_sky.fpr is not None and bad_sky.fpr is not None
    assert good_sky.fpr[1].high < 0.01 < bad_sky.fpr[1].low
    assert (0.8 * good_sky.fpr[1].value + 0.2 * bad_sky.fpr[1].value) == pytest.approx(0.01, abs=1e-12)
    assert good_sky.auc is not None and bad_sky.auc is not None
    assert bad_sky.auc.value == pytest.approx(good_sky.auc.value, abs=0.02)


def test_the_sky_is_cut_into_fifths_of_both_classes_and_the_largest_value_is_in_the_last() -> None:
    rows = scored_sample(1000)
    depth = np.random.default_rng(5).normal(23.9, 0.2, 1000)
    depth[:7] = np.nan
    cells = by_condition(with_condition(rows, psf_depth_r_mag=depth), rates_of(rows), HOW)["psf_depth_r_mag"]
    sizes = [cell.n_positive + cell.n_negative for cell in cells.cells]
    assert len(sizes) == 5 and sum(sizes) == 993 and max(sizes) - min(sizes) <= 2 and cells.n_without == 7
    assert (cells.cells[0].lower, cells.cells[-1].upper) == (np.nanmin(depth), np.nanmax(depth))


@pytest.mark.parametrize(("depth", "parts"), [(23.9, 1), (np.nan, 0)])
def test_one_depth_everywhere_is_one_part_and_no_depth_none(depth: float, parts: int) -> None:
    rows = scored_sample(100)
    cells = by_condition(with_condition(rows, psf_depth_r_mag=np.full(100, depth)), rates_of(rows), HOW)["psf_depth_r_mag"]
    assert [cell.n_positive for cell in cells.cells] == [50] * parts


def test_each_kind_of_negative_is_held_against_all_lenses() -> None:
    rows = scored_sample(4000)
    hard = ~rows.lens & (rows.cells < 10)
    rows = replace(rows, kinds=np.where(hard, "spiral", rows.kinds), logits=rows.logits + 1.5 * hard)
    ring, spiral = by_kind(rows, rates_of(rows), HOW)
    assert (ring.kind, spiral.kind) == ("ring", "spiral") and spiral.n_negative == hard.sum()
    part = rows.lens | hard
    assert spiral.auc is not None and ring.auc is not None
    assert spiral.auc.value == area_under_roc(rows.logits[part], rows.labels[part]) < ring.auc.low
    assert ring.fpr is not None and spiral.fpr is not None and ring.fpr[0].high < 0.1 < spiral.fpr[0].low


def test_replicates_of_the_same_pixels_do_not_narrow_an_interval() -> None:
    rows = scored_sample(2000, kind="control")
    once = by_kind(rows, rates_of(rows), HOW)[0]
    copies = np.append(np.arange(2000), np.repeat(np.flatnonzero(~rows.lens), 9))
    fields = {name: values[copies] for name, values in vars(rows).items() if name != "conditions"}
    often = by_kind(ScoredRows(**fields), rates_of(rows), HOW)[0]
    assert (often.n_negative, often.n_distinct_negative) == (10_000, 1000) and often.fpr == once.fpr


def test_a_part_with_fewer_than_ten_objects_is_null_and_says_so() -> None:
    rows = scored_sample(400)
    rows = rows.where(~rows.lens | (np.arange(400) < 18))  # nine lenses
    rows = replace(rows, kinds=np.where(~rows.lens & (np.arange(len(rows.labels)) > 200), "spiral", rows.kinds))
    rows = with_condition(rows, arc_snr=np.full(len(rows.labels), 12.0), psf_depth_r_mag=np.full(len(rows.labels), 23.0))
    rates = rates_of(rows)
    conditions = by_condition(rows, rates, HOW)
    assert conditions["arc_snr"].cells[1].tpr is None
    assert conditions["arc_snr"].cells[1].why == "9 lenses; wanted at least 10"
    (sky,) = conditions["psf_depth_r_mag"].cells
    assert (sky.tpr, sky.auc, sky.why) == (None, None, "9 lenses; wanted at least 10") and sky.fpr is not None
    assert {kind.kind: (kind.auc, kind.why) for kind in by_kind(rows, rates, HOW)}["spiral"][0] is None


def test_without_a_supported_rate_there_is_no_threshold_to_hold_a_part_to() -> None:
    rows = with_condition(scored_sample(180), arc_snr=np.full(180, 12.0))
    cell = by_condition(rows, rates_of(rows), HOW)["arc_snr"].cells[1]
    assert cell.n_positive == 90 and cell.tpr is None
    assert cell.why == "no false positive rate is supported by the split's 90 distinct negatives"
