"""The job inject: every task a row, the same stamps however the work is spread, finished alike after it was broken off."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.array_codec import decode_arrays, decode_stamp
from schemas.content_hash import content_hash
from schemas.contract_files import open_parquet, read_table
from schemas.cutouts import CUTOUTS
from schemas.hosts import HOSTS
from schemas.refusal_reasons import Reason, names_of
from schemas.run_record import FINISHED_NAME, read_run, run_files
from schemas.stamps import STAMP_INDEX, STAMPS
from schemas.survey import BANDS
from schemas.tasks import TASKS
from spark_jobs.inject import build_parser
from spark_jobs.recipe import read_recipe
from spark_jobs.transforms.bank.bank_file import open_bank
from spark_jobs.transforms.simulation.make_stamp import StampMaker
from tests.spark_jobs.small_plan import SmallRun, copy_of, cut, make_stamps, plan, stamp_rows

pytestmark = pytest.mark.spark
Row = dict[str, Any]


def hash_of(directory: Path) -> str:
    return content_hash(run_files(directory, STAMPS, "split="))


def hashes(directory: Path) -> dict[str, str]:
    return {entry["path"]: entry["sha256"] for entry in read_run(directory)["files"]}


def table_rows(directory: Path, contract: Any, under: str = "") -> list[Row]:
    return [row for path in run_files(directory, contract, under) for row in read_table(path, contract).to_pylist()]


@pytest.fixture(scope="module")
def rows(small_run: SmallRun) -> dict[str, Row]:
    return {row["task_id"]: row for row in stamp_rows(small_run.stamps)}


@pytest.fixture(scope="module")
def cutouts(small_run: SmallRun) -> dict[str, Row]:
    return {row["host_id"]: row for row in table_rows(small_run.cutouts, CUTOUTS)}


def test_every_task_of_the_plan_is_made_or_refused_and_the_record_counts_them(
    small_run: SmallRun, rows: dict[str, Row]
) -> None:
    planned = {row["task_id"]: row for row in table_rows(small_run.plan, TASKS, "tasks/")}
    assert planned.keys() == rows.keys()
    made = {name for name, row in rows.items() if row["stamp_npz"] is not None}
    assert made == {name for name, row in rows.items() if row["reasons"] == 0}
    counts = read_run(small_run.stamps)["counts"]
    assert (counts["rows"], counts["made"], counts["refused"]) == (len(rows), len(made), len(rows) - len(made))
    assert counts["refused_by_reason"] == Counter(name for row in rows.values() for name in names_of(row["reasons"]))
    assert Counter(counts["made_by_split_and_kind"]) == Counter(f"{rows[n]['split']} {rows[n]['kind']}" for n in made)
    assert set(counts["refused_by_reason"]) == {"ARC_TOO_FAINT", "OVER_BRICK_EDGE", "PARTNER_REFUSED", "STILL_AN_ARC"}
    kept = set(TASKS.names) - {"reasons", *(f"psf_fwhm_used_{band}_arcsec" for band in BANDS)}
    assert all(rows[name][column] == task[column] for name, task in planned.items() for column in kept)


def test_a_pair_is_made_or_refused_as_one(rows: dict[str, Row]) -> None:
    pairs = defaultdict(list)
    for row in rows.values():
        if row["pair_id"] is not None:
            pairs[row["pair_id"]].append(row)
    assert len(pairs) == 80
    for pair in pairs.values():
        lens, control = sorted(pair, key=lambda row: -row["label"])
        assert (lens["stamp_npz"] is None) == (control["stamp_npz"] is None)
        partner = Reason.PARTNER_REFUSED if lens["reasons"] == Reason.ARC_TOO_FAINT else lens["reasons"]
        assert control["reasons"] == partner


def test_a_made_lens_is_its_cutout_and_an_arc_as_bright_and_as_clear_as_its_row_says(
    rows: dict[str, Row], cutouts: dict[str, Row]
) -> None:
    lenses = [row for row in rows.values() if row["label"] and row["stamp_npz"]]
    assert {row["source_kind"] for row in lenses} == {"template", "sersic", "sersic_knots"}
    predicted = []
    for row in lenses:
        pixels = decode_arrays(cutouts[row["host_id"]]["cutout_npz"])
        arc = decode_stamp(row["stamp_npz"]) - np.stack([pixels[f"image_{band}"] for band in BANDS])
        shot_noise = 1.09 / math.sqrt(1e4 * arc[1].sum())  # mag, of the arc's electrons
        assert row["injected_mag_r"] == pytest.approx(22.5 - 2.5 * math.log10(arc[1].sum()), abs=5 * shot_noise)
        assert row["arc_snr"] == pytest.approx(np.linalg.norm(arc[1] * np.sqrt(pixels["invvar_r"])), rel=0.05)
        assert row["arc_snr"] >= 20
        assert row["psf_fwhm_used_r_arcsec"] == cutouts[row["host_id"]]["psf_fwhm_r_arcsec"]
        predicted.append(row["arc_snr"] / row["predicted_arc_snr"])
    assert 0.7 < np.median(predicted) < 1.4  # the plan's guess without pixels is a fair one


def test_a_task_alone_is_the_same_to_the_last_bit(small_run: SmallRun, rows: dict[str, Row], cutouts: dict[str, Row]) -> None:
    maker = StampMaker(read_recipe(small_run.recipe), open_bank(small_run.bank))
    magnitudes = {
        row["host_id"]: {b: row[f"mag_raw_{b}"] for b in BANDS} for row in table_rows(small_run.plan, HOSTS, "hosts/")
    }
    planned = table_rows(small_run.plan, TASKS, "tasks/")
    made = [task for task in planned if rows[task["task_id"]]["stamp_npz"] and task["kind"] != "control"]
    one_a_kind = {task["kind"]: task for task in made}
    alone = [
        *[task for task in made if task["label"]][::6],
        *[task for task in made if not task["label"]][::6],
        *one_a_kind.values(),
    ]
    assert len({task["kind"] for task in alone}) > 3
    for task in alone:
        (row,) = maker.host_rows([task], cutouts[task["host_id"]], magnitudes[task["host_id"]])
        assert row == rows[task["task_id"]]


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_partitions_change_nothing(small_run: SmallRun, tmp_path: Path, partitions: int) -> None:
    out = make_stamps(small_run, tmp_path / "stamps", "--partitions", partitions)
    assert hashes(out) == hashes(small_run.stamps)
    assert hash_of(out) == hash_of(small_run.stamps)


def test_the_size_of_shards_changes_no_stamp(small_run: SmallRun, tmp_path: Path) -> None:
    planned = plan(small_run, tmp_path / "plan", "--stamps-per-shard", 60)
    cutouts = cut(small_run, planned, tmp_path / "cutouts")
    out = make_stamps(small_run, tmp_path / "stamps", planned=planned, cutouts=cutouts)
    assert len(run_files(planned, TASKS, "tasks/")) < len(run_files(small_run.plan, TASKS, "tasks/"))
    assert hash_of(out) == hash_of(small_run.stamps)


def test_another_seed_makes_other_lenses_on_the_same_controls(
    small_run: SmallRun, rows: dict[str, Row], reseeded_plan: Path, tmp_path: Path
) -> None:
    other = stamp_rows(make_stamps(small_run, tmp_path / "stamps", planned=reseeded_plan))
    assert not {row["task_id"] for row in other} & rows.keys()
    blobs = {kind: {row["stamp_npz"] for row in rows.values() if row["kind"] == kind} - {None} for kind in ("lens", "control")}
    assert not blobs["lens"] & {row["stamp_npz"] for row in other}
    assert blobs["control"] & {row["stamp_npz"] for row in other if row["kind"] == "control"}


def test_the_index_is_the_stamps_without_pixels(small_run: SmallRun, rows: dict[str, Row]) -> None:
    index = table_rows(small_run.stamps, STAMP_INDEX, "index/")
    assert len(index) == len(rows)
    for entry in index:
        row = rows[entry["task_id"]]
        assert {name: row[name] for name in STAMPS.names if name != "stamp_npz"}.items() <= entry.items()
        assert entry["file"].startswith(f"split={row['split']}/shard-")
    for path in run_files(small_run.stamps, STAMPS, "split="):
        with open_parquet(path, STAMPS) as file:
            assert max(file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)) <= 256


def test_a_finished_run_is_left_alone_and_the_job_says_so(
    small_run: SmallRun, rows: dict[str, Row], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (small_run.stamps / FINISHED_NAME).stat().st_mtime_ns
    make_stamps(small_run, small_run.stamps)
    told = capsys.readouterr().out
    assert f"holds this run already, finished: {len(rows)} tasks: " in told
    assert "stamps made, " in told
    assert "nothing to do" in told
    assert (small_run.stamps / FINISHED_NAME).stat().st_mtime_ns == before


def test_a_run_broken_off_is_finished_to_the_same_bytes(small_run: SmallRun, tmp_path: Path) -> None:
    out = copy_of(small_run.stamps, tmp_path / "stamps")
    files = run_files(out, STAMPS, "split=")
    for lost in (out / FINISHED_NAME, files[0], files[3], *out.glob("index/*")):
        lost.unlink()
    (out / "split=train" / ".shard-00099.parquet.1.unfinished").write_bytes(b"PAR1 and no more")
    stands = files[1].stat().st_mtime_ns
    make_stamps(small_run, out)
    assert hashes(out) == hashes(small_run.stamps)
    assert files[1].stat().st_mtime_ns == stands


def test_the_help_shows_an_example_and_how_to_go_on() -> None:
    text = " ".join(build_parser().format_help().split())
    assert "dhs inject --plan plan --cutouts cutouts --bank cosmos.h5 --out stamps" in text
    assert "goes on where it stopped when the same command is given again" in text
