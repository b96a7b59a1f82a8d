"""The anchors table: real lenses and what looks like them, with how each was found; and what their pixels say."""

from __future__ import annotations

from dataclasses import replace

from schemas.contract import Column, Contract
from schemas.hosts import DEC, RA, REASONS

LENS_CLASS = "lens"
CONTAMINANT_CLASSES: tuple[str, ...] = ("ring", "spiral", "merger", "edge_on", "star", "quasar", "other")
RANDOM_SKY_CLASS = "random_sky"
"""Class of the control: a position some arc minutes from an anchor, under the anchor's name."""
DISCOVERIES: tuple[str, ...] = ("spectroscopy", "ground_imaging", "space_imaging", "unknown")

_NAME = Column("name", "string", "Name in the list that it comes from; one made from the position where the list has none.")
_CLASS = Column("object_class", "string", f"lens, or what it is instead: {', '.join(CONTAMINANT_CLASSES)}; or random_sky.")
_LABEL = Column("label", "int16", "1 for a lens, 0 for none, -1 where unknown.")
_DISCOVERY = Column("discovery", "string", f"How it was found: {', '.join(DISCOVERIES)}.")
_MAG_R = Column("mag_r", "float64", "Published r magnitude of the lens galaxy.", unit="mag", nullable=True)

ANCHORS = Contract(
    name="anchors",
    doc="Real lenses and contaminants from published lists. A row whose position cannot be believed keeps its reasons.",
    columns=(
        _NAME,
        replace(RA, nullable=True),
        replace(DEC, nullable=True),
        _CLASS,
        _LABEL,
        _DISCOVERY,
        Column("tier", "string", "Confidence of the list, for example confident or probable; empty where it has none."),
        Column("theta_e_arcsec", "float64", "Published Einstein radius.", unit="arcsec", nullable=True),
        Column("z_lens", "float64", "Published redshift of the lens.", nullable=True),
        Column("z_source", "float64", "Published redshift of the source.", nullable=True),
        _MAG_R,
        Column("reference", "string", "Paper or list."),
        REASONS,
        Column("remark", "string", "What was seen in this row that a person should know, in words; empty for nothing."),
    ),
)

ANCHOR_INTEGRITY = Contract(
    name="anchor_integrity",
    doc="One row an anchor and one a random-sky control: what the pixels show where a galaxy should be.",
    columns=(
        _NAME,
        Column("control", "bool", "Whether the row is of random sky near the anchor, not of the anchor."),
        _CLASS,
        _LABEL,
        _DISCOVERY,
        replace(RA, nullable=True),
        replace(DEC, nullable=True),
        Column("judged", "bool", "Whether there were pixels to judge by."),
        Column("holds", "bool", "Whether a galaxy stands where it should, as bright as it should be; false where not judged."),
        Column(
            "offset_arcsec", "float64", "Centroid of the nearest source minus the position; null: no source.", "arcsec", True
        ),
        Column("aperture_flux_r_nmgy", "float64", "Flux in the aperture around the position, sky off.", "nmgy", True),
        Column("aperture_mag_r", "float64", "The same as AB magnitude; null where it is not positive.", "mag", True),
        _MAG_R,
        Column("source_density", "float64", "Other sources on the stamp, by its area.", "arcmin-2", True),
        REASONS,
        Column("finding", "string", "What is wrong, in words; empty where nothing is."),
    ),
)
