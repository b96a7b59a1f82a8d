"""The scores table: what a checkpoint says of each stamp."""

from __future__ import annotations

from schemas.contract import Column, Contract
from schemas.hosts import CELL, HOST_ID
from schemas.tasks import TASK_ID

SCORES = Contract(
    name="scores",
    doc="One row a scored stamp.",
    columns=(
        TASK_ID,
        HOST_ID,
        CELL,
        Column("split", "string", "train, val or test; parent for a sample of real galaxies."),
        Column("kind", "string", "Kind of the task, as in the stamps table; cutout for a real galaxy."),
        Column("label", "int16", "1 for a lens, 0 for none, -1 where unknown."),
        Column("logit", "float32", "Score before the sigmoid: larger is more lens-like."),
        Column(
            "checkpoint_hash",
            "string",
            "First 16 hex digits of the SHA-256 of the checkpoint file; of a committee, of its rule and members.",
        ),
    ),
)
