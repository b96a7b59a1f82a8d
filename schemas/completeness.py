"""The completeness table: what share of the lenses a finder finds, bin by bin of what decides it."""

from __future__ import annotations

from schemas.contract import Column, Contract
from schemas.refusal_reasons import Reason

SELECTION_REASONS = Reason.ARC_TOO_FAINT | Reason.NO_ACCEPTED_DRAW | Reason.SOURCE_OFF_STAMP
"""Refusals that the lens itself earns: a lens not found. All others are accidents of survey or recipe."""


def _axis(name: str, nullable: bool) -> tuple[Column, ...]:
    why = " Null in a profile." if nullable else ""
    return (
        Column(f"{name}_axis", "string", f"Quantity along {name}; its unit ends its name.{why}", nullable=nullable),
        Column(f"{name}_low", "float64", f"Lower edge along {name}, in it; null for unbinned.", nullable=True),
        Column(f"{name}_high", "float64", f"Upper edge along {name}, not in it; null for unbinned.", nullable=True),
    )


def _share(name: str, of: str) -> tuple[Column, ...]:
    return (
        Column(name, "float64", f"n_found over {of}; null below 10 of them.", nullable=True),
        Column(f"{name}_low", "float64", f"Lower end of the Wilson 95 % interval of {name}.", nullable=True),
        Column(f"{name}_high", "float64", f"Upper end of the Wilson 95 % interval of {name}.", nullable=True),
    )


COMPLETENESS = Contract(
    name="completeness",
    doc="One row a bin, and one for lenses that no bin takes: the share of lenses at or above a frozen threshold.",
    columns=(
        Column("split", "string", "train, val or test."),
        Column("threshold", "float64", "Logit from which on a lens counts as found."),
        *_axis("x", False),
        *_axis("y", True),
        Column("n_drawn_rows", "int64", "Lens rows of the index, refused ones included, whatever the reason."),
        Column("n_offered", "int64", "Rows that are rendered, or refused for what the lens is (too faint, off the stamp)."),
        Column("n_rendered", "int64", "Rows that have a stamp."),
        Column("n_found", "int64", "Rows with a stamp whose logit reaches the threshold."),
        *_share("completeness", "n_offered: accidents of the survey are left out"),
        *_share("completeness_drawn", "n_drawn_rows: accidents of the survey count as not found"),
        *_share("completeness_rendered", "n_rendered"),
    ),
)
