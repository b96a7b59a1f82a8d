"""The anchors table: real lenses, and contaminants that look like them, with how each was found."""

from __future__ import annotations

from schemas.contract import Column, Contract
from schemas.hosts import DEC, RA

ANCHORS = Contract(
    name="anchors",
    doc="Real lenses and contaminants from published lists.",
    columns=(
        Column("name", "string", "Name in the list that it comes from."),
        RA,
        DEC,
        Column("object_class", "string", "lens, or the contaminant's class: ring, spiral, merger, edge_on."),
        Column("discovery", "string", "How it was found: spectroscopy, ground_imaging, space_imaging or unknown."),
        Column("tier", "string", "Confidence of the list, for example confident or probable."),
        Column("theta_e_arcsec", "float64", "Published Einstein radius.", unit="arcsec", nullable=True),
        Column("z_lens", "float64", "Published redshift of the lens.", nullable=True),
        Column("z_source", "float64", "Published redshift of the source.", nullable=True),
        Column("mag_r", "float64", "Published r magnitude of the lens galaxy.", unit="mag", nullable=True),
        Column("reference", "string", "Paper or list."),
    ),
)
