"""The stimuli table: lenses rendered again with one thing changed, to ask a network about; stamps rows and what was changed."""

from __future__ import annotations

from schemas.contract import Column, Contract
from schemas.stamps import STAMPS
from schemas.tasks import ACCEPTANCE, NEGATIVE

EINSTEIN_RADIUS, AS_BRIGHT, SOURCE_SIZE, HOST = "einstein_radius", "unlensed_as_bright", "source_size", "host"

STIMULI = Contract(
    name="stimuli",
    doc="One row a lens, sweep and step: the lens of task_id again with one thing changed; refused ones have no pixels.",
    columns=(
        Column(
            "sweep",
            "string",
            "What is changed: einstein_radius (the source stays as it is), unlensed_as_bright (no lens, the source as bright "
            "as its arc was), source_size (its flux stays); host is the galaxy as the survey saw it.",
        ),
        Column("step", "float64", "Factor on what is changed; 0 of einstein_radius is the source without a lens or shear."),
        *(column for column in STAMPS.columns if column not in (*NEGATIVE, *ACCEPTANCE)),
    ),
)
