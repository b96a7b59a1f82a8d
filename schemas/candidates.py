"""The candidates table: a scored sample in the order in which a person should look at it."""

from __future__ import annotations

from dataclasses import replace

from schemas.contract import Column, Contract
from schemas.hosts import BRICK, DEC, HOST_ID, RA
from schemas.scores import SCORES
from schemas.tasks import TASK_ID

CANDIDATES = Contract(
    name="candidates",
    doc="One row a galaxy, by falling score; then those whose pixels could not be read, without a rank.",
    columns=(
        Column("rank", "int32", "Place by falling logit, from 1, equal ones by task_id; null without a score.", nullable=True),
        TASK_ID,
        HOST_ID,
        RA,
        DEC,
        replace(BRICK, nullable=True),
        Column("logit", "float32", "Highest score of the galaxy's stamps; null where none could be read.", nullable=True),
        Column("p_training", "float64", "sigmoid(logit): a probability at the training set's share of lenses.", nullable=True),
        Column("n_scored", "int32", "Stamps of this galaxy in the sample."),
        SCORES["split"],
        SCORES["kind"],
        SCORES["label"],
        Column("viewer_url", "string", "Where to look at the position in the survey's own viewer."),
        SCORES["checkpoint_hash"],
    ),
)
