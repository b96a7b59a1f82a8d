"""One brick of a survey spoiled: a run from the sky to the stamps ends, loses that brick's hosts alone, and says so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from schemas.refusal_reasons import names_of
from schemas.run_record import read_run
from spark_jobs import select_hosts
from tests.faults.disturbed_run import left_behind
from tests.spark_jobs.small_brick import plane_path, write_brick
from tests.spark_jobs.small_plan import SmallRun, cut, make_stamps, plan, stamp_rows

pytestmark = [pytest.mark.spark, pytest.mark.slow]

Spoil = Callable[[Path, str], object]


def missing(sky: Path, brick: str) -> None:
    shutil.rmtree(plane_path(sky, "image-r", brick).parent)


def truncated(sky: Path, brick: str) -> None:
    path = plane_path(sky, "invvar-z", brick)
    path.write_bytes(path.read_bytes()[:-20_000])


def full_of_nan(sky: Path, brick: str) -> None:
    pixels, header = plane_of(sky, brick)
    write_brick(sky, {"image-g": np.full_like(pixels, np.nan)}, header, brick)


def of_another_projection(sky: Path, brick: str) -> None:
    pixels, header = plane_of(sky, brick)
    header["CTYPE1"], header["CTYPE2"] = "RA---SIN", "DEC--SIN"
    write_brick(sky, {"image-g": pixels}, header, brick)


def plane_of(sky: Path, brick: str) -> tuple[Any, fits.Header]:
    with fits.open(plane_path(sky, "image-g", brick)) as file:
        return np.array(file[1].data), file[1].header.copy()


def spoiled_run(run: SmallRun, root: Path, brick: str, spoil: Spoil) -> SmallRun:
    """The jobs from the sky to the stamps over a copy of the sky with one brick spoiled."""
    spoiled = SmallRun(root)
    shutil.copytree(run.sky, spoiled.sky)
    shutil.copy(run.bank, spoiled.bank)
    shutil.copy(run.recipe, spoiled.recipe)
    spoil(spoiled.sky, brick)
    assert select_hosts.main(["--sweeps", str(spoiled.sky / "sweep"), "--out", str(spoiled.hosts)]) == 0
    plan(spoiled, spoiled.plan)
    cut(spoiled, spoiled.plan, spoiled.cutouts)
    make_stamps(spoiled, spoiled.stamps)
    return spoiled


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (missing, "BRICK_MISSING"),
        (truncated, "BRICK_UNREADABLE"),
        (full_of_nan, "NONFINITE_PIXELS"),
        (of_another_projection, "WCS_UNEXPECTED"),
    ],
)
def test_a_spoiled_brick_costs_its_own_stamps_with_the_reason_and_every_other_is_as_it_was(
    small_run: SmallRun, tmp_path: Path, spoil: Spoil, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed = {row["task_id"]: row for row in stamp_rows(small_run.stamps)}
    made = [row["brickname"] for row in undisturbed.values() if row["reasons"] == 0]
    brick = max(set(made), key=made.count)
    assert len(set(made)) > 1
    spoiled = spoiled_run(small_run, tmp_path, brick, spoil)
    rows = {row["task_id"]: row for row in stamp_rows(spoiled.stamps)}
    assert rows.keys() == undisturbed.keys()
    lost = [row for row in rows.values() if row["brickname"] == brick]
    assert lost and {row["stamp_npz"] for row in lost} == {None}
    edge = {"OVER_BRICK_EDGE"} if reason == "NONFINITE_PIXELS" else set()  # of a brick that opens
    assert all({reason, *edge} & set(names_of(row["reasons"])) for row in lost)
    assert all(row == undisturbed[name] for name, row in rows.items() if row["brickname"] != brick)
    counts = read_run(spoiled.stamps)["counts"]
    assert counts["rows"] == counts["made"] + counts["refused"] == read_run(spoiled.plan)["counts"]["tasks"]
    assert counts["made"] == len(made) - made.count(brick)
    assert counts["refused_by_reason"][reason] == sum(reason in names_of(row["reasons"]) for row in lost)
    assert read_run(spoiled.cutouts)["counts"]["spoiled_bricks"] == {reason: [brick]}
    assert f"1 bricks are spoiled ({reason} 1), all named in _run.json" in capsys.readouterr().out
    assert not left_behind(tmp_path)
