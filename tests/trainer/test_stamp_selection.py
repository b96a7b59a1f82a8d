"""Which stamps are trained on: predicates on the index, pairs whole, and of what is dropped no pixel decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.job_entry import InputError
from tests.trainer.tiny_training import rewrite_stamps, small_stamps, train_tiny, write_settings
from trainer.sample_order import OrderPlan
from trainer.stamp_catalogue import StampCatalogue, load_catalogue
from trainer.stamp_loading import SplitBatches, TrainingBatches
from trainer.stamp_selection import partners_of_lenses, selected_rows
from trainer.train_settings import DataSettings, SelectSettings, settings_from

COLUMNS = ("psf_fwhm_r_arcsec",)


def select(**content: Any) -> SelectSettings:
    return SelectSettings.model_validate(content)


def rows() -> dict[str, Any]:
    return {
        "kind": np.array([0, 1, 0, 1, 2, 0], np.int8),
        "pair_id": np.array([0, 0, 1, 1, -1, -1], np.int32),
        "arc_snr": np.array([20.0, np.nan, 3.0, np.nan, 8.0, 3.0]),
        "masked_fraction": np.array([0.0, 0.0, 0.0, 0.0, 0.3, 0.0]),
    }


def kept(chosen: SelectSettings, usable: list[bool] | None = None) -> list[int]:
    ones = np.array(usable or [True] * 6)
    return np.flatnonzero(selected_rows(rows(), ["lens", "control", "ring"], ones, chosen)).tolist()


def test_a_row_passes_where_its_columns_lie_in_their_ranges_or_are_null() -> None:
    assert kept(select()) == [0, 1, 2, 3, 4, 5]
    assert kept(select(ranges={"masked_fraction": {"max": 0.1}})) == [0, 1, 2, 3, 5]
    assert kept(select(ranges={"arc_snr": {"min": 5, "max": 10}})) == [4]
    assert kept(select(ranges={"arc_snr": {"min": 3, "max": 20}})) == [0, 1, 2, 3, 4, 5]  # the ends belong to it
    assert kept(select(), [True, False] * 3) == [0, 2, 4]


def test_a_pair_is_dropped_as_one_and_a_lonely_row_alone() -> None:
    assert kept(select(ranges={"arc_snr": {"min": 5}})) == [0, 1, 4]


def test_kinds_that_are_not_wanted_take_no_partner_with_them() -> None:
    assert kept(select(kinds=["lens", "ring"])) == [0, 2, 4, 5]
    assert kept(select(kinds=["lens"], ranges={"arc_snr": {"min": 5}})) == [0]


def test_a_lens_finds_the_control_of_its_pair() -> None:
    pair = np.array([3, -1, 0, 3, 0, 2], np.int32)
    lens = np.array([False, True, True, True, False, True])
    control = np.array([True, False, False, False, True, False])
    assert partners_of_lenses(pair, lens, control).tolist() == [-1, -1, 4, 0, -1, -1]


@pytest.mark.parametrize("column", ["arc_snrr", "kind", "stamp_npz"])
def test_a_range_of_what_is_no_number_of_the_index_is_refused(column: str) -> None:
    with pytest.raises(ValueError, match=rf"select.ranges names '{column}'; wanted a numeric column of the stamps' index"):
        select(ranges={column: {"min": 1}})


def catalogue(stamps: Path, chosen: SelectSettings, *, pairs: bool = False) -> StampCatalogue:
    return load_catalogue(stamps, "train", COLUMNS, measure=True, select=chosen, pairs=pairs)


def test_the_catalogue_holds_what_was_selected_and_counts_what_was_dropped(tmp_path: Path) -> None:
    stamps = small_stamps(tmp_path).stamps
    every = catalogue(stamps, select(), pairs=True)
    assert (every.samples, every.refused, every.dropped, every.kinds) == (46, 2, 0, ("lens", "control"))
    assert every.partner is not None
    assert every.partner.tolist() == [n + 1 if n % 2 == 0 else -1 for n in range(46)]
    bright = catalogue(stamps, select(ranges={"arc_snr": {"min": 30}}), pairs=True)  # lens n has 20 + n
    assert (bright.samples, bright.refused, bright.dropped) == (26, 2, 20)
    assert bright.count(1) == bright.count(0) == 13 and bright.row_in_group[0] == 20
    lenses = catalogue(stamps, select(kinds=["lens"]), pairs=True)
    assert lenses.count(0) == 0 and lenses.partner is not None and (lenses.partner == -1).all()
    with pytest.raises(InputError, match=r"has 48 rows, data.select keeps none; wanted usable stamps"):
        catalogue(stamps, select(ranges={"arc_snr": {"min": 1e6}, "masked_fraction": {"min": 1}}))


def test_stamps_that_were_dropped_are_never_decoded(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path)
    # A blob that cannot be decoded would be counted as corrupt wherever it is looked at.
    rewrite_stamps(directory, "train", lambda row: row | {"stamp_npz": b"no stamp"} if (row["arc_snr"] or 99) < 30 else row)
    chosen = catalogue(directory.stamps, select(ranges={"arc_snr": {"min": 30}}))
    batches = TrainingBatches(chosen, OrderPlan(chosen.group_sizes, 1, 8, 2, 1), DataSettings(workers=0, max_corrupt=0))
    assert sum(batch.counted for batch in batches.epoch(0)) == 26
    assert sum(part.stamps.counted for part in SplitBatches(chosen, DataSettings(workers=0, max_corrupt=0))) == 26


def test_a_training_on_a_selection_says_how_many_it_dropped_and_its_pairs_share_every_batch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stamps = small_stamps(tmp_path / "data").stamps
    settings = write_settings(tmp_path, epochs=1)
    chosen = "data: {pairs: true, select: {ranges: {arc_snr: {min: 22}}}, "
    settings.write_text(settings.read_text().replace("data: {", chosen))
    assert train_tiny(stamps, tmp_path / "out", settings) == 0
    assert "dhs train: 42 stamps (4 more did not pass data.select), 1 epochs on" in capsys.readouterr().out


def test_a_kind_that_no_stamp_is_of_is_a_slip_of_the_pen(tmp_path: Path) -> None:
    stamps = small_stamps(tmp_path / "data").stamps
    settings = write_settings(tmp_path)
    settings.write_text(settings.read_text().replace("data: {", "data: {select: {kinds: [lens, control, rnig]}, "))
    with pytest.raises(InputError, match=r"data.select.kinds names rnig; the stamps are of kind lens, control"):
        train_tiny(stamps, tmp_path / "out", settings)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"mix": {"lens": 0.5, "control": 0.6}}, "wanted positive shares that add up to 1"),
        ({"mix": {}}, "wanted positive shares"),
        ({"pairs": True, "lanes": 8}, "5 stamps a lane; wanted an even one for pairs"),
        ({"select": {"range": {}}}, "data.select.range: Extra inputs are not permitted"),
    ],
)
def test_settings_that_cannot_be_met_are_refused_with_what_was_seen(data: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        settings_from({"data": data, "optimisation": {"batch_size": 40}}, "of a test")
