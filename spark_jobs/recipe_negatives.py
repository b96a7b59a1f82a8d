"""What a recipe may say of hard negatives: how many, of which kinds, and the shapes that each kind's light is drawn from.

A hard negative takes flux, colour and radius from a lens draw of its own, so none of these is said here. A radius "in theta_e"
is in units of that draw's Einstein radius.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from spark_jobs.physics.azimuthal_shuffle import LARGEST_CORRELATION, LEAST_SECTORS
from spark_jobs.recipe_entry import Entry, Prior, Share
from spark_jobs.recipe_units import IN_ORDER, Arcsec, Deg, Mag

KINDS = ("unlensed", "ring", "spiral", "companion", "shuffled", "trail", "spike")
RING_PROPERTIES = ("host_coloured", "off_centre", "disc_connected", "impossible_radius")
LARGEST_SHARE = 0.5
"""One hard negative for every lens."""

Width = Annotated[Arcsec, Field(ge=0.2, le=5)]  # what a template of 0.131 arcsec still draws
AxisRatio = Annotated[float, Field(ge=0.2, le=1)]
Weight = Annotated[float, Field(ge=0)]
WidthRange = Annotated[tuple[Width, Width], IN_ORDER]
AxisRatioRange = Annotated[tuple[AxisRatio, AxisRatio], IN_ORDER]
InThetaE = Annotated[float, Field(ge=0.5, le=4)]


class UnlensedSource(Prior):
    """The draw's own source without a lens, theta_e from the host, as bright and as wide as the arc would have been."""

    weight: Weight


class RingWeights(Entry):
    """How often a ring has each of the properties that no lens has."""

    host_coloured: Weight
    off_centre: Weight
    disc_connected: Weight
    impossible_radius: Weight

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if not self.host_coloured + self.off_centre + self.disc_connected > 0:
            raise ValueError("wanted a weight above 0 for host_coloured, off_centre or disc_connected, which any host can have")
        return self


class Ring(Prior):
    """A Gaussian ring (FWHM ``width``) of radius theta_e with a property that no lens has.

    ``offset_range_in_theta_e`` of an off-centre ring; ``bar_share`` of the light of a disc-connected one; the radius of an
    impossible one in units of the largest that the host's velocity dispersion allows, 4 pi (sigma/c)^2.
    """

    weight: Weight
    properties: RingWeights
    width_range: WidthRange
    axis_ratio_range: AxisRatioRange
    offset_range_in_theta_e: Annotated[tuple[InThetaE, InThetaE], IN_ORDER]
    bar_share: Share
    radius_over_largest_range: Annotated[tuple[Annotated[float, Field(ge=2)], Annotated[float, Field(ge=2, le=5)]], IN_ORDER]


class Spiral(Prior):
    """Two logarithmic arms out of the host's centre, half of their light inside theta_e, as red as the host or bluer."""

    weight: Weight
    width_range: WidthRange
    axis_ratio_range: AxisRatioRange
    pitch_range: Annotated[tuple[Annotated[Deg, Field(ge=5)], Annotated[Deg, Field(le=60)]], IN_ORDER]
    bluer_range: Annotated[tuple[Annotated[Mag, Field(ge=0)], Annotated[Mag, Field(le=2)]], IN_ORDER]


class Companion(Prior):
    """An early-type galaxy of the host's colour beside it."""

    weight: Weight
    distance_range_in_theta_e: Annotated[tuple[InThetaE, InThetaE], IN_ORDER]
    half_light_range: Annotated[tuple[Annotated[Arcsec, Field(gt=0)], Annotated[Arcsec, Field(le=5)]], IN_ORDER]
    axis_ratio_range: AxisRatioRange
    sersic_index: float = Field(ge=0.3, le=8)


class ShuffledArc(Prior):
    """The draw's arc with its sectors of azimuth permuted about the lens centre, before the PSF."""

    weight: Weight
    sectors: int = Field(ge=LEAST_SECTORS, le=64)
    maximum_correlation: float = Field(gt=0, le=LARGEST_CORRELATION)


class Trail(Prior):
    """A satellite's straight trail across the stamp, theta_e from the host, in one band: another exposure has none."""

    weight: Weight
    width_range: WidthRange


class Spike(Prior):
    """The diffraction cross of a star beyond the stamp's edge, one arm of it theta_e from the host.

    A star at more than sqrt(2) half sides of the stamp is never on it.
    """

    weight: Weight
    width_range: WidthRange
    star_distance_range_in_half_sides: Annotated[
        tuple[Annotated[float, Field(ge=1.42)], Annotated[float, Field(le=4)]], IN_ORDER
    ]


class Negatives(Prior):
    """Hard negatives: expected share of the stamps with added light, and the kinds by weight; a kind left out has none."""

    share: float = Field(ge=0, le=LARGEST_SHARE)
    unlensed: UnlensedSource | None = None
    ring: Ring | None = None
    spiral: Spiral | None = None
    companion: Companion | None = None
    shuffled: ShuffledArc | None = None
    trail: Trail | None = None
    spike: Spike | None = None

    @model_validator(mode="after")
    def _some_kind(self) -> Self:
        if self.share and not sum(self.weights) > 0:
            raise ValueError(f"share is {self.share} and no kind has a weight above 0; wanted one of {', '.join(KINDS)}")
        return self

    @property
    def weights(self) -> tuple[float, ...]:
        """Weight of each of KINDS."""
        return tuple(entry.weight if (entry := getattr(self, kind)) else 0.0 for kind in KINDS)

    @property
    def per_lens(self) -> float:
        """Expected number for every lens task: share / (1 - share)."""
        return self.share / (1.0 - self.share)
