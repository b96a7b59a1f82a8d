"""A whole simulation at the size of a test: a mock sky, its hosts, a bank, a plan, cutouts and stamps in finished runs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.contract_files import read_table
from schemas.run_record import run_files
from schemas.stamps import STAMPS
from spark_jobs import build_source_bank, cut_hosts, inject, plan_tasks, select_hosts
from spark_jobs.transforms.mock.mock_brick_files import BrickJob, SweepJob, draw_brick, draw_sweep
from spark_jobs.transforms.mock.mock_positions import default_bricks
from spark_jobs.transforms.mock.mock_settings import MockSky, load_sky_settings
from spark_jobs.transforms.mock.mock_sweep import sweep_name

SIZE = 48
REPLICATES = 2
RECIPE = f"""
based_on: realistic
name: small
description: The realistic recipe on small stamps, with arcs refused after they are rendered and a few hosts in every split.
stamp: {{size: {SIZE} pix}}
split: {{key: host_cell, fractions: {{train: 0.4, val: 0.3, test: 0.3}}}}
tasks: {{replicates: {REPLICATES}, controls: paired, max_tasks: 500}}
accept:
  max_draws: 2000
  minimum_redshift_gap: 0.1
  theta_e_range: [0.5 arcsec, 3.0 arcsec]
  minimum_images: 2
  minimum_magnification: 3.0
  minimum_predicted_arc_snr: 10.0
  minimum_theta_e_over_fwhm: 0.5
  minimum_rendered_arc_snr: 20.0
"""


@dataclass(frozen=True)
class SmallRun:
    """Where each part lies; read only."""

    root: Path

    def __getattr__(self, part: str) -> Path:
        """``sky``, ``hosts``, ``plan``, ``cutouts`` and ``stamps`` are directories of finished runs."""
        return self.root / part

    @property
    def bank(self) -> Path:
        """The source bank."""
        return self.root / "bank.h5"

    @property
    def recipe(self) -> Path:
        """The recipe."""
        return self.root / "recipe.yaml"


def make_small_run(root: Path) -> SmallRun:
    """Run every job once, from the sky to the stamps."""
    run = SmallRun(root)
    run.recipe.write_text(RECIPE)
    _draw_sky(run.sky)
    _succeed(build_source_bank, "--out", run.bank, "--procedural", "30", "--size", "64")
    _succeed(select_hosts, "--sweeps", run.sky / "sweep", "--out", run.hosts)
    plan(run, run.plan)
    cut(run, run.plan, run.cutouts)
    make_stamps(run, run.stamps)
    return run


def plan(run: SmallRun, out: Path, *options: Any, recipe: Path | str | None = None) -> Path:
    """Plan the hosts of a run; returns ``out``."""
    given = ("--stamps-per-shard", 24, *options)
    return _succeed(
        plan_tasks, "--recipe", recipe or run.recipe, "--hosts", run.hosts, "--bank", run.bank, "--out", out, *given
    )


def cut(run: SmallRun, planned: Path, out: Path, *options: Any) -> Path:
    """Cut the hosts of a plan; returns ``out``."""
    return _succeed(cut_hosts, "--hosts", planned, "--bricks", run.sky, "--out", out, "--size", SIZE, *options)


def make_stamps(run: SmallRun, out: Path, *options: Any, planned: Path | None = None, cutouts: Path | None = None) -> Path:
    """Make the stamps of a plan; returns ``out``."""
    given = ("--bank", run.bank, *options)
    return _succeed(inject, "--plan", planned or run.plan, "--cutouts", cutouts or run.cutouts, "--out", out, *given)


def copy_of(directory: Path, where: Path) -> Path:
    """A copy that a test may damage; returns ``where``."""
    return Path(shutil.copytree(directory, where))


def stamp_rows(directory: Path) -> list[dict[str, Any]]:
    """Every row of a finished stamps directory, pixels included."""
    return [row for path in run_files(directory, STAMPS, "split=") for row in read_table(path, STAMPS).to_pylist()]


def _draw_sky(out: Path) -> None:
    """Four bricks and their catalogues, drawn here rather than by the job: its workers would import GalSim first."""
    mock = MockSky(sky=load_sky_settings(), seed=4, brick_size_pix=280, hosts_per_brick=10)
    for brick in default_bricks(4):
        draw_brick(BrickJob(str(out), brick, mock))
        draw_sweep(SweepJob(str(out), sweep_name(brick), (brick,), mock))


def _succeed(job: Any, *arguments: Any) -> Path:
    """Run a job with arguments of any type; returns what follows ``--out``."""
    words = [str(word) for word in arguments]
    assert job.main(words) == 0
    return Path(words[words.index("--out") + 1])
