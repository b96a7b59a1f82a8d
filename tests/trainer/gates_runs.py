"""A finished directory of gates, one of each verdict, as ``dhs gate-data`` or ``dhs gate-model`` leaves it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from schemas.contract_files import Provenance
from schemas.run_record import RunIdentity, begin_run, finish_run_of_files
from tests.synthetic_stamps import RECIPE_HASH, SEED, StampsDirectory
from trainer.gates.gate import Behind, Evidence, Gate, Limits, Question, Table, Verdict, judged, unsupported
from trainer.gates.gate_run import write_all
from trainer.gates.gates_page import DATA_HEADING
from trainer.intervals import Interval
from trainer.matching_runs import record_hash

_AUC = Limits((-math.inf, 0.55), (-math.inf, 0.6), "0.55 is what chance gives")


def write_gates(run: StampsDirectory, out: Path, job: str = "gate-data", **changes: Any) -> Path:
    """Gates of these stamps; ``changes`` are settings of the run, or its recipe_hash."""
    recipe = changes.pop("recipe_hash", RECIPE_HASH)
    settings = {"stamps_record": record_hash(run.stamps), "split": "train"} | changes
    identity = RunIdentity(job, "x", recipe, SEED, settings)
    begin_run(out, identity)
    files = write_all(out, _gates(), DATA_HEADING, {}, settings, Provenance("x", recipe, SEED))
    finish_run_of_files(out, identity, files, {}, {})
    return out


def _gates() -> list[Gate]:
    chance = np.random.default_rng(5)
    evidence = Evidence({"lenses": chance.normal(1, 1, 90), "others": chance.normal(0, 1, 90)}, "core (nMgy)", "Values.")
    table = Evidence(table=Table("Columns.", ("column", "missing"), [("psf_fwhm_r_arcsec", "<none>")]))
    behind = Behind(90, 90, 60, 12, "cell")
    confounded = Gate(
        _asked("old_core"), Verdict.CONFOUNDED, "its arcs lay inside", Interval(0.7, 0.6, 0.8), behind, Evidence()
    )
    return [
        judged(_asked("core"), Interval(0.8123, 0.75, 0.87), behind, evidence),
        judged(_asked("metadata_only"), Interval(0.5, 0.47, 0.53), behind, table),
        unsupported(_asked("bank_sizes"), "no bank was given"),
        confounded,
    ]


def _asked(name: str) -> Question:
    return Question(name, name.replace("_", " ").capitalize(), f"What does the {name} tell?", "AUC", _AUC)
