"""One task made again without Spark: every row of a run to the last bit, and what differs is named."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.array_codec import decode_stamp, encode_stamp
from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.run_record import run_files
from schemas.stamps import STAMPS
from schemas.survey import BANDS
from spark_jobs.recipe import read_recipe
from spark_jobs.transforms.bank.bank_file import open_bank
from spark_jobs.transforms.simulation.replay_task import Difference, differences, pixel_difference, replayed_row
from tests.spark_jobs.small_replay import ReplayRuns, make_replay_runs, task_id

Row = dict[str, Any]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> ReplayRuns:
    """Read only."""
    return make_replay_runs(tmp_path_factory.mktemp("replay"))


@pytest.fixture(scope="module")
def rows(runs: ReplayRuns) -> dict[str, Row]:
    stamps = run_files(runs.root / "stamps", STAMPS, "split=")
    return {row["task_id"]: row for path in stamps for row in read_table(path, STAMPS).to_pylist()}


def again(runs: ReplayRuns, row: Row) -> Row:
    return replayed_row(
        row, runs.root / "plan", runs.root / "cutouts", read_recipe(runs.root / "plan" / "recipe.yaml"), open_bank(runs.bank)
    )


def shifted(row: Row, pixel: float) -> Row:
    """The row with one pixel in r brighter by so much."""
    image = decode_stamp(row["stamp_npz"]).copy()
    image[1, 5, 6] += pixel
    return row | {"stamp_npz": encode_stamp(dict(zip(BANDS, image, strict=True)))}


def test_every_task_of_a_run_is_made_again_to_the_last_bit(runs: ReplayRuns, rows: dict[str, Row]) -> None:
    made = {name for name, row in rows.items() if row["stamp_npz"]}
    assert made == {*(task_id(host, kind) for host in ("1", "10") for kind in ("lens", "control")), "f" * 32}
    assert len(rows) == 11
    for row in rows.values():
        assert again(runs, row) == row
        assert differences(row, again(runs, row)) == []


def test_a_refused_half_refuses_the_other_when_it_is_made_again_too(runs: ReplayRuns, rows: dict[str, Row]) -> None:
    control = rows[task_id("2", "control")]
    assert control["reasons"] and control["stamp_npz"] is None
    assert again(runs, control)["reasons"] == control["reasons"]


def test_a_task_that_the_plan_does_not_hold_is_told(runs: ReplayRuns, rows: dict[str, Row]) -> None:
    row = rows[task_id("1", "lens")]
    with pytest.raises(InputError, match=rf"shard-00000\.parquet has no task {'9' * 32} of host 9010-1-1"):
        again(runs, row | {"task_id": "9" * 32})
    with pytest.raises(InputError, match=rf"has no task {row['task_id']} of host 9010-1"):
        again(runs, row | {"host_id": "9010-1"})


@pytest.fixture(scope="module")
def lens(rows: dict[str, Row]) -> Iterator[Row]:
    yield rows[task_id("1", "lens")]


def test_every_column_that_differs_is_named_with_both_values(lens: Row) -> None:
    other = lens | {"theta_e_arcsec": 1.25, "brickname": "x", "pair_id": None, "reasons": 4}
    assert differences(lens, other) == [
        Difference("pair_id", f"'{1:032d}'", "null"),
        Difference("brickname", "'0591m305'", "'x'"),
        Difference("theta_e_arcsec", "1.2", "1.25"),
        Difference("reasons", "0", "4"),
    ]
    assert differences(lens | {"arc_snr": math.nan}, lens | {"arc_snr": math.nan}) == []
    assert [d.column for d in differences(lens, lens | {"arc_snr": math.nextafter(lens["arc_snr"], 9e9)})] == ["arc_snr"]


@pytest.mark.parametrize("column", [name for name in STAMPS.names if name != "stamp_npz"])
def test_no_column_is_left_out_of_the_comparison(lens: Row, column: str) -> None:
    assert [d.column for d in differences(lens, lens | {column: "another"})] == [column]


def test_pixels_differ_by_their_bytes_and_are_measured_in_the_noise_of_their_band(lens: Row) -> None:
    assert pixel_difference(lens, lens) == 0
    other = shifted(lens, 0.001)
    (named,) = differences(lens, other)
    assert named == Difference("stamp_npz", f"{len(lens['stamp_npz'])} bytes", f"{len(other['stamp_npz'])} bytes")
    assert pixel_difference(lens, other) == pytest.approx(0.001 / 0.0025, rel=1e-4)


def test_no_pixels_another_size_and_an_unknown_sky_are_no_number(lens: Row) -> None:
    assert pixel_difference(lens, lens | {"stamp_npz": None}) is None
    assert pixel_difference(lens | {"stamp_npz": None}, lens) is None
    small = encode_stamp({band: np.zeros((8, 8), np.float32) for band in BANDS})
    assert pixel_difference(lens, lens | {"stamp_npz": small}) == math.inf
    assert math.isnan(pixel_difference(lens | {"sky_sigma_r_nmgy": None}, lens) or 0.0)


def test_nothing_is_left_behind(runs: ReplayRuns, lens: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    again(runs, lens)
    assert list(tmp_path.iterdir()) == []
