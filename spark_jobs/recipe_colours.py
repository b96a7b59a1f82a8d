"""The laws of a source's colours that a recipe may name."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from spark_jobs.recipe_entry import Entry, Prior, Share
from spark_jobs.recipe_units import Mag


class NormalColours(Prior):
    """g - r and r - z from normal laws."""

    law: Literal["normal"]
    g_minus_r: Mag
    g_minus_r_scatter: Mag = Field(ge=0)
    r_minus_z: Mag
    r_minus_z_scatter: Mag = Field(ge=0)


class FixedColours(Prior):
    """The same magnitude offsets from r for every source."""

    law: Literal["fixed"]
    g_offset: Mag
    z_offset: Mag


class ColourTrack(Entry):
    """Observed colours of one type of galaxy at each of the redshifts, straight lines between, and their scatter."""

    g_minus_r: tuple[Mag, ...]
    g_minus_r_scatter: Mag = Field(ge=0)
    r_minus_z: tuple[Mag, ...]
    r_minus_z_scatter: Mag = Field(ge=0)


class RedshiftColours(Prior):
    """The bank galaxy's own colours where known, at its own redshift; else those of its type at its redshift, from a table.

    Before the first and beyond the last redshift the colours are those of the end.
    """

    law: Literal["by_redshift"]
    redshifts: tuple[Annotated[float, Field(ge=0, lt=12)], ...] = Field(min_length=2)
    star_forming: ColourTrack
    quiescent_share: Share
    quiescent: ColourTrack | None

    @model_validator(mode="after")
    def _whole_table(self) -> Self:
        if any(high <= low for low, high in pairwise(self.redshifts)):
            raise ValueError(f"redshifts are {self.redshifts}; wanted each above the one before")
        for kind, track in (("star_forming", self.star_forming), ("quiescent", self.quiescent)):
            for colour in ("g_minus_r", "r_minus_z") if track else ():
                if len(getattr(track, colour)) != len(self.redshifts):
                    seen = len(getattr(track, colour))
                    raise ValueError(
                        f"{kind}.{colour} has {seen} values; wanted one for each of {len(self.redshifts)} redshifts"
                    )
        if self.quiescent_share and self.quiescent is None:
            raise ValueError(f"quiescent_share is {self.quiescent_share} and quiescent is null; wanted their colours")
        return self
