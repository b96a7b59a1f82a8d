"""``dhs stimuli``: the lens itself byte for byte, the same source with less of a lens, no lens, and of other sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.array_codec import decode_stamp
from schemas.contract_files import read_table
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_DONE, run_job
from schemas.locations import location
from schemas.run_record import read_run, run_files
from schemas.stamps import STAMPS
from schemas.stimuli import AS_BRIGHT, EINSTEIN_RADIUS, HOST, SOURCE_SIZE, STIMULI
from schemas.survey import BANDS
from spark_jobs import stimuli
from spark_jobs.transforms.simulation.render_stimuli import RADIUS_STEPS, SIZE_STEPS
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.small_plan import SmallRun

pytestmark = pytest.mark.spark
Row = dict[str, Any]
SPLIT, LENSES = "train", 6


def make(small_run: SmallRun, out: Path, *more: str) -> int:
    flags = [
        "--plan",
        str(small_run.plan),
        "--cutouts",
        str(small_run.cutouts),
        "--bank",
        str(small_run.bank),
        "--out",
        str(out),
    ]
    return run_job("stimuli", stimuli.main, [*flags, "--split", SPLIT, "--lenses", str(LENSES), *more])


@pytest.fixture(scope="module")
def out(small_run: SmallRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("stimuli") / "out"
    assert make(small_run, where) == EXIT_DONE
    return where


@pytest.fixture(scope="module")
def rows(out: Path) -> list[Row]:
    return read_table(out / stimuli.FILE, STIMULI).to_pylist()


@pytest.fixture(scope="module")
def by_lens(rows: list[Row]) -> dict[str, dict[tuple[str, float], Row]]:
    """Rows that were made by task and (sweep, step)."""
    found: dict[str, dict[tuple[str, float], Row]] = {}
    for row in rows:
        if row["stamp_npz"] is not None:
            found.setdefault(row["task_id"], {})[row["sweep"], row["step"]] = row
    return found


def flux(row: Row, host: Row) -> float:
    """Light in r above the host."""
    return float((decode_stamp(row["stamp_npz"]) - decode_stamp(host["stamp_npz"]))[BANDS.index("r")].sum(dtype=np.float64))


def test_every_lens_has_each_step_once_and_hosts_stand_once(rows: list[Row], out: Path) -> None:
    steps = {(HOST, 0.0), (EINSTEIN_RADIUS, 1.0), *((EINSTEIN_RADIUS, step) for step in RADIUS_STEPS)}
    steps |= {(SOURCE_SIZE, step) for step in SIZE_STEPS} | {(AS_BRIGHT, 1.0)}
    tasks = {row["task_id"] for row in rows}
    assert len(tasks) == len({row["host_id"] for row in rows}) == LENSES
    for task in tasks:
        seen = [(row["sweep"], row["step"]) for row in rows if row["task_id"] == task]
        assert len(seen) == len(set(seen)) and set(seen) >= steps - {(AS_BRIGHT, 1.0)}
    assert {row["split"] for row in rows} == {SPLIT}
    assert read_run(out)["counts"]["rows"] == len(rows)


def test_the_lens_itself_and_its_host_are_the_stamps_that_the_plan_made_byte_for_byte(
    by_lens: dict[str, dict[tuple[str, float], Row]], small_run: SmallRun
) -> None:
    paths = run_files(small_run.stamps, STAMPS, "split=")
    stamps = {row["task_id"]: row for path in paths for row in read_table(path, STAMPS).to_pylist()}
    controls = {row["pair_id"]: row for row in stamps.values() if row["kind"] == "control" and row["stamp_npz"] is not None}
    compared = 0
    for task, made in by_lens.items():
        if stamps[task]["stamp_npz"] is None:  # too faint an arc for the recipe, not for a stimulus
            continue
        assert made[EINSTEIN_RADIUS, 1.0]["stamp_npz"] == stamps[task]["stamp_npz"]
        assert made[HOST, 0.0]["stamp_npz"] == controls[stamps[task]["pair_id"]]["stamp_npz"]
        compared += 1
    assert compared >= LENSES // 2


def test_without_a_lens_light_is_the_sources_own_and_magnification_is_one(
    by_lens: dict[str, dict[tuple[str, float], Row]],
) -> None:
    for made in by_lens.values():
        alone = made[EINSTEIN_RADIUS, 0.0]
        assert alone["magnification"] == pytest.approx(1, abs=0.05)
        assert alone["injected_mag_r"] == pytest.approx(alone["source_mag_r"], abs=0.06)
        assert (alone["shear_1"], alone["shear_2"]) == (0, 0)
        lensed = made[EINSTEIN_RADIUS, 1.0]
        assert lensed["magnification"] > 2 and lensed["arc_snr"] > alone["arc_snr"]


def test_less_of_a_lens_is_less_light(by_lens: dict[str, dict[tuple[str, float], Row]]) -> None:
    for made in by_lens.values():
        factors = [made[EINSTEIN_RADIUS, step] for step in (1.0, *RADIUS_STEPS)]
        assert [row["theta_e_arcsec"] / factors[0]["theta_e_arcsec"] for row in factors[:-1]] == pytest.approx(
            [1.0, *RADIUS_STEPS[:-1]]
        )
        assert factors[0]["magnification"] > factors[2]["magnification"] > factors[-1]["magnification"]


def test_as_bright_as_its_arc_means_the_same_light_in_every_band(by_lens: dict[str, dict[tuple[str, float], Row]]) -> None:
    for made in by_lens.values():
        arc, bright = made[EINSTEIN_RADIUS, 1.0], made[AS_BRIGHT, 1.0]
        for band in BANDS:
            assert bright[f"injected_mag_{band}"] == pytest.approx(arc[f"injected_mag_{band}"], abs=0.08)
        host = made[HOST, 0.0]
        assert flux(bright, host) == pytest.approx(10 ** (0.4 * (22.5 - arc["injected_mag_r"])), rel=0.15)


def test_another_size_keeps_the_sources_flux(by_lens: dict[str, dict[tuple[str, float], Row]]) -> None:
    for made in by_lens.values():
        sizes = [made[SOURCE_SIZE, step] for step in SIZE_STEPS]
        itself = made[EINSTEIN_RADIUS, 1.0]
        for row, step in zip(sizes, SIZE_STEPS, strict=True):
            assert row["source_mag_r"] == itself["source_mag_r"] and row["theta_e_arcsec"] == itself["theta_e_arcsec"]
            for name in ("source_half_light_arcsec", "source_size_factor"):
                assert itself[name] is None or row[name] == pytest.approx(itself[name] * step)
        assert sizes[0]["stamp_npz"] != sizes[-1]["stamp_npz"]


def test_given_again_nothing_is_written_and_another_choice_is_another_run(
    small_run: SmallRun, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (out / stimuli.FILE).stat().st_mtime_ns
    assert make(small_run, out) == EXIT_DONE
    assert "finished; nothing to do" in capsys.readouterr().out
    assert make(small_run, out, "--seed", "2") == EXIT_BAD_INPUT
    assert "seed" in capsys.readouterr().err
    assert (out / stimuli.FILE).stat().st_mtime_ns == before


def test_the_choice_hangs_on_hosts_alone(small_run: SmallRun) -> None:
    few = stimuli.chosen_lenses(small_run.plan, SPLIT, 3, 1)
    more = stimuli.chosen_lenses(small_run.plan, SPLIT, LENSES, 1)
    other = stimuli.chosen_lenses(small_run.plan, SPLIT, LENSES, 2)
    assert list(few) == list(more)[:3] and list(other) != list(more)
    assert all(task["kind"] == "lens" and task["split"] == SPLIT for task in more.values())


def test_what_cannot_be_made_is_one_clear_error(
    small_run: SmallRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(small_run, tmp_path / "out", "--lenses", "0") == EXIT_BAD_INPUT
    assert "--lenses 0 --seed 1; wanted a lens or more" in capsys.readouterr().err
    flags = ["--plan", str(small_run.plan), "--cutouts", str(small_run.cutouts), "--out", str(tmp_path / "out")]
    assert run_job("stimuli", stimuli.main, flags) == EXIT_BAD_INPUT
    assert "draws its sources from a bank and none was given" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_stimuli_in_s3_are_those_on_disk(
    small_run: SmallRun, out: Path, s3: S3Store, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, cutouts = (s3.put(place, f"stimuli/{place.name}") for place in (small_run.plan, small_run.cutouts))
    bank = s3.put_bytes("stimuli/bank.h5", small_run.bank.read_bytes())
    there = f"s3://{BUCKET}/stimuli/out"
    words = ["--plan", plan, "--cutouts", cutouts, "--bank", bank, "--out", there, "--split", SPLIT, "--lenses", str(LENSES)]
    assert run_job("stimuli", stimuli.main, words) == EXIT_DONE
    assert read_run(location(there))["files"] == read_run(out)["files"]
    (path,) = run_files(location(there), STIMULI)
    assert read_table(path, STIMULI).equals(read_table(out / stimuli.FILE, STIMULI))
    assert run_job("stimuli", stimuli.main, words) == EXIT_DONE
    assert f"{there} holds this run already, finished; nothing to do" in capsys.readouterr().out
