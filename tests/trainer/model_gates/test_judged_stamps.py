"""Stamps with what a judge says of them: the threshold, the pairs, and what cannot be read or is not known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.array_codec import decode_stamp
from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.locations import location
from schemas.stamps import STAMPS
from tests.synthetic_stamps import SIGMA, StampsDirectory
from tests.trainer.drawn_judges import TOLD, DrawnJudge, sky_level
from tests.trainer.tiny_training import rewrite_stamps, small_stamps
from trainer.model_gates.judged_stamps import JudgedStamps, Pairs, Threshold, calling_threshold, judge_stamps, pairs_of

JUDGE = DrawnJudge(lambda images, metadata: images.sum((1, 2, 3)), TOLD)


def asked(directory: StampsDirectory, judge: DrawnJudge = JUDGE) -> JudgedStamps:
    return judge_stamps(location(str(directory.stamps)), "train", 10**6, 1, judge)


def rows(directory: StampsDirectory) -> list[dict[str, Any]]:
    (path,) = (directory.stamps / "split=train").glob("*.parquet")
    return [row for row in read_table(path, STAMPS).to_pylist() if not row["reasons"]]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> JudgedStamps:
    """Stamps with 200 negatives."""
    return asked(small_stamps(tmp_path_factory.mktemp("many"), train_pairs=201))


def with_logits(judged: JudgedStamps, negatives: np.ndarray) -> JudgedStamps:
    """Other logits for the negatives, and those that are too many unreadable."""
    logits = judged.logits.copy()
    others = np.flatnonzero(~judged.stamps.lens)
    logits[others] = np.nan
    logits[others[: len(negatives)]] = negatives
    return replace(judged, logits=logits)


def test_each_stamp_has_its_own_pixels_conditions_and_answer(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path)
    judged, wanted = asked(directory), rows(directory)
    assert len(judged.images) == len(wanted) == 46
    np.testing.assert_array_equal(judged.images, [decode_stamp(row["stamp_npz"]) for row in wanted])
    np.testing.assert_allclose(judged.metadata, [[row[name] for name in TOLD] for row in wanted])
    np.testing.assert_allclose(judged.logits, judged.images.sum((1, 2, 3)))
    assert judged.readable.all()


def test_a_pair_is_a_lens_and_its_own_control_with_what_is_known_of_the_lens(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path)
    pairs, wanted = pairs_of(asked(directory)), rows(directory)
    lenses = [row for row in wanted if row["label"] == 1]
    controls = {row["pair_id"]: row for row in wanted if row["label"] == 0}
    assert len(pairs.rows) == 23 and pairs.unit == "host"  # of three cells
    np.testing.assert_array_equal(pairs.lens, [decode_stamp(row["stamp_npz"]) for row in lenses])
    own = [decode_stamp(controls[row["pair_id"]]["stamp_npz"]) for row in lenses]
    np.testing.assert_array_equal(pairs.control, own)
    np.testing.assert_array_equal(pairs.arc, pairs.lens - pairs.control)
    np.testing.assert_allclose(pairs.gap, pairs.lens.sum((1, 2, 3)) - pairs.control.sum((1, 2, 3)))
    np.testing.assert_allclose(pairs.theta_e_arcsec, [row["theta_e_arcsec"] for row in lenses])
    np.testing.assert_allclose(pairs.arc_snr, [row["arc_snr"] for row in lenses])
    np.testing.assert_allclose(pairs.fwhm_arcsec[:, 2], [row["psf_fwhm_z_arcsec"] for row in lenses], rtol=1e-6)
    np.testing.assert_allclose(pairs.sky_sigma, [list(SIGMA.values())] * 23, rtol=1e-6)
    assert pairs.hosts.tolist() == [row["host_id"] for row in lenses]
    assert (pairs.behind.n_positive, pairs.behind.n_negative, pairs.behind.n_hosts, pairs.behind.n_units) == (23, 23, 23, 23)


def test_noise_that_the_table_does_not_state_is_measured_at_the_edge_and_a_centre_is_the_middle(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, size=32)
    nothing = {"sky_sigma_r_nmgy": None, "x_centre_pix": None}
    rewrite_stamps(directory, "train", lambda row: row | (nothing if row["label"] == 1 else {}))
    pairs = pairs_of(asked(directory))
    np.testing.assert_allclose(pairs.sky_sigma[:, 0], SIGMA["g"], rtol=1e-6)
    assert 0 < np.abs(pairs.sky_sigma[:, 1] / SIGMA["r"] - 1).max() < 0.3
    assert set(pairs.x_pix) == {16.0}


def test_a_stamp_that_cannot_be_read_has_no_answer_and_its_pair_is_none(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path)
    spoilt = rows(directory)[5]["pair_id"]
    rewrite_stamps(
        directory,
        "train",
        lambda row: row | ({"stamp_npz": b"no npz"} if (row["pair_id"], row["label"]) == (spoilt, 0) else {}),
    )
    judged = asked(directory)
    assert np.count_nonzero(~judged.readable) == 1
    assert len(pairs_of(judged).rows) == 22


def test_without_controls_there_are_no_pairs(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path)
    rewrite_stamps(directory, "train", lambda row: row | {"pair_id": None})
    pairs = pairs_of(asked(directory))
    assert len(pairs.rows) == 0 and pairs.lens.shape == (0, 3, 16, 16) and pairs.behind.n_units == 0


def test_conditions_that_the_index_does_not_have_are_refused_by_name(tmp_path: Path) -> None:
    judge = DrawnJudge(sky_level, ("psf_fwhm_r_arcsec", "humidity"))
    with pytest.raises(InputError, match=r"the network was told humidity, which the index of .* does not have"):
        asked(small_stamps(tmp_path), judge)


def test_exactly_so_many_negatives_pass_the_threshold_and_ten_where_the_rate_asks_for_fewer(many: JudgedStamps) -> None:
    negatives = np.random.default_rng(2).permutation(200).astype(np.float64)
    judged = with_logits(many, negatives)
    for rate, passing in [(0.1, 20), (0.3, 60), (0.01, 10), (0.9, 180)]:
        threshold = calling_threshold(judged, rate)
        assert threshold == Threshold(200 - passing - 0.5, passing / 200, 200)
        assert np.count_nonzero(negatives > threshold.logit) == passing


def test_of_fewer_than_twenty_negatives_no_threshold_is_taken(many: JudgedStamps) -> None:
    assert calling_threshold(with_logits(many, np.arange(20.0)), 0.01).logit == 9.5
    with pytest.raises(InputError, match="split 'train' has 19 negatives to set a threshold by; wanted 20 or more"):
        calling_threshold(with_logits(many, np.arange(19.0)), 0.01)


def test_some_pairs_are_those_pairs_in_all_that_is_known_of_them(by_hand: Pairs) -> None:
    last = by_hand.of(np.array([False, False, True, True]))
    assert last.hosts.tolist() == ["c", "c"] and last.units.tolist() == [6, 7] and last.unit == "cell"
    for name, value in vars(last).items():
        if not isinstance(value, str):
            np.testing.assert_array_equal(value, getattr(by_hand, name)[2:], err_msg=name)
    turned = by_hand.of(np.array([3, 0]))
    np.testing.assert_array_equal(turned.arc, by_hand.arc[[3, 0]])
    assert (by_hand.behind.n_hosts, by_hand.behind.n_units, by_hand.behind.unit) == (3, 3, "cell")


def test_a_radius_is_counted_from_the_galaxy_not_from_the_middle(by_hand: Pairs) -> None:
    moved = replace(by_hand, x_pix=np.full(4, 3.0), y_pix=np.full(4, 4.0))
    radius = moved.radius_pix
    assert radius.shape == (4, 16, 16)
    assert (radius[0, 4, 3], radius[0, 4, 6], radius[0, 8, 6]) == (0, 3, 5)
