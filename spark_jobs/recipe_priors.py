"""The priors that a recipe may name: one model a law, each with its numbers, units and the reference they come from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from spark_jobs.physics.knotted_sersic import MAX_SERSIC_N
from spark_jobs.recipe_colours import FixedColours, NormalColours, RedshiftColours
from spark_jobs.recipe_entry import Entry, Prior, Share
from spark_jobs.recipe_units import IN_ORDER, Arcsec, Deg, Dex, KmPerS, Mag

SersicIndex = Annotated[float, Field(ge=0.3, le=8)]  # what the renderer takes
KnotNumber = Annotated[int, Field(ge=1, le=200)]
AxisRatio = Annotated[float, Field(gt=0, le=1)]
PositiveArcsec = Annotated[Arcsec, Field(gt=0)]
SizeFactor = Annotated[float, Field(ge=0.1, le=10)]
ISOTHERMAL = 2.0


class LensRedshift(Prior):
    """The catalogue's photometric redshift where there is one, else z = intercept + slope * (r - z colour)."""

    law: Literal["catalogue_or_colour"]
    intercept: float
    slope_per_mag: float
    scatter: float = Field(ge=0)
    minimum: float = Field(gt=0)
    maximum: float = Field(lt=10)


class DispersionRadius(Prior):
    """theta_E from the velocity dispersion that the host's luminosity gives (Faber-Jackson) and the redshifts."""

    law: Literal["velocity_dispersion"]
    log_sigma: Dex
    slope_per_mag: float
    pivot: Mag
    scatter: Dex = Field(ge=0)
    k_correction_per_redshift: Mag
    evolution_per_redshift: Mag
    minimum_sigma: KmPerS


class GridRadius(Prior):
    """theta_E from a grid, whatever the host."""

    law: Literal["grid"]
    values: tuple[Arcsec, ...] = Field(min_length=1)


class LightTiedMass(Prior):
    """Mass ellipticity scattered about the light's; the angle too, where the light is elongated enough to have one."""

    law: Literal["near_light"]
    ellipticity_scatter: float = Field(ge=0)
    angle_scatter: Deg = Field(ge=0)
    angle_known_above_ellipticity: float = Field(ge=0)
    minimum_axis_ratio: float = Field(gt=0, le=1)


class UniformMass(Prior):
    """Axis ratio uniform in a range, angle uniform, whatever the light."""

    law: Literal["uniform"]
    minimum_axis_ratio: float = Field(gt=0, le=1)
    maximum_axis_ratio: float = Field(gt=0, le=1)


class IsothermalSlope(Prior):
    """Every lens isothermal: density falls as r^-2."""

    law: Literal["isothermal"]


class NormalSlope(Prior):
    """Slope of the mass density, r^-slope, from a normal law cut to a range; theta_E stays what the other priors say."""

    law: Literal["normal"]
    mean: float = Field(gt=1, lt=3)
    scatter: float = Field(gt=0)
    minimum: float = Field(ge=1.2)
    maximum: float = Field(le=2.8)


class RayleighShear(Prior):
    """External shear of Rayleigh-distributed strength and uniform angle."""

    law: Literal["rayleigh"]
    mode: float = Field(ge=0, lt=0.5)


class NormalOffset(Prior):
    """Lens centre scattered about the light's, per axis."""

    law: Literal["normal"]
    scatter: Arcsec = Field(ge=0)


class BankLight(Prior):
    """A galaxy of the source bank; a share of them as a Sersic profile of the same size, magnitude and redshift.

    Sizes are scaled by an even draw of ``size_factor_range``. A share of the Sersic sources have knots: a number and a share of
    their flux drawn evenly from ranges, as Gaussians of one width.
    """

    law: Literal["bank"]
    sersic_share: Share
    sersic_index_range: Annotated[tuple[SersicIndex, SersicIndex], IN_ORDER]
    sersic_axis_ratio_range: Annotated[tuple[AxisRatio, AxisRatio], IN_ORDER]
    size_factor_range: Annotated[tuple[SizeFactor, SizeFactor], IN_ORDER] = (1.0, 1.0)
    knots_share: Share = 0.0
    knot_number_range: Annotated[tuple[KnotNumber, KnotNumber], IN_ORDER] = (5, 15)
    knot_flux_share_range: Annotated[tuple[Share, Share], IN_ORDER] = (0.1, 0.3)
    knot_fwhm: PositiveArcsec = 0.07

    @model_validator(mode="after")
    def _knots_in_discs(self) -> Self:
        if self.knots_share and self.sersic_index_range[1] > MAX_SERSIC_N:
            raise ValueError(
                f"sersic_index_range reaches {self.sersic_index_range[1]} and knots_share is {self.knots_share}; "
                f"wanted an index of at most {MAX_SERSIC_N:g} where there are knots"
            )
        return self


class FlatSquareLight(Prior):
    """A square of even brightness: what a stamp of rectified noise is."""

    law: Literal["flat_square"]
    side: Arcsec = Field(gt=0)


class SersicLight(Prior):
    """A Sersic profile with everything drawn from ranges; needs no bank."""

    law: Literal["sersic"]
    half_light_range: Annotated[tuple[PositiveArcsec, PositiveArcsec], IN_ORDER]
    sersic_index_range: Annotated[tuple[SersicIndex, SersicIndex], IN_ORDER]
    axis_ratio_range: Annotated[tuple[AxisRatio, AxisRatio], IN_ORDER]


class TemplateMagnitude(Prior):
    """r from the bank galaxy's own F814W: r = F814W + factor * (r - z), and a scatter that scales its flux."""

    law: Literal["template"]
    colour_factor: float
    scatter: Annotated[Mag, Field(ge=0)] = 0.0


class HostOffsetMagnitude(Prior):
    """r = the host's r + one of a grid of offsets: brighter sources behind brighter hosts."""

    law: Literal["host_offset"]
    values: tuple[Mag, ...] = Field(min_length=1)


class UniformMagnitude(Prior):
    """r uniform in a range, whatever the host."""

    law: Literal["uniform"]
    range: Annotated[tuple[Mag, Mag], IN_ORDER]


class TemplateRedshift(Prior):
    """The bank galaxy's own redshift where known, else a normal law cut to a range."""

    law: Literal["template_or_normal"]
    mean: float
    scatter: float = Field(gt=0)
    minimum: float = Field(ge=0)
    maximum: float = Field(lt=12)


class ShiftedRedshift(Prior):
    """The bank galaxy's own redshift; a share of those that have one are moved to a redshift of a normal law cut to a range.

    A moved galaxy changes its angular size by the ratio of the angular diameter distances and its magnitude by the difference
    of the distance moduli: its surface brightness goes as (1 + z)^-4. ``k_correction_per_redshift`` is added per redshift that
    it moves, 0 mag where the spectrum's shape is left out. Galaxies without a redshift are drawn from the same law.
    """

    law: Literal["shifted"]
    share: Share
    mean: float
    scatter: float = Field(gt=0)
    minimum: float = Field(ge=0.05)
    maximum: float = Field(lt=12)
    k_correction_per_redshift: Mag


class MultiplyImagedPosition(Prior):
    """Uniform over the multiply imaged places behind a lens: over the disc that holds its cut and caustic, others redrawn."""

    law: Literal["multiply_imaged"]


class DiscPosition(Prior):
    """Uniform over a disc, multiply imaged or not."""

    law: Literal["disc"]
    disc_in_theta_e: float = Field(gt=0)


class Priors(Entry):
    """Every prior of a recipe by name. ``lens_redshift`` and ``source_redshift`` are null where theta_E comes from a grid.

    ``mass_slope`` null or left out is isothermal.
    """

    lens_redshift: LensRedshift | None
    theta_e: Annotated[DispersionRadius | GridRadius, Field(discriminator="law")]
    mass_ellipticity: Annotated[LightTiedMass | UniformMass, Field(discriminator="law")]
    mass_slope: Annotated[IsothermalSlope | NormalSlope, Field(discriminator="law")] | None = None
    shear: RayleighShear
    centre_offset: NormalOffset
    source_light: Annotated[BankLight | FlatSquareLight | SersicLight, Field(discriminator="law")]
    source_magnitude: Annotated[TemplateMagnitude | HostOffsetMagnitude | UniformMagnitude, Field(discriminator="law")]
    source_redshift: Annotated[TemplateRedshift | ShiftedRedshift, Field(discriminator="law")] | None
    source_colour: Annotated[NormalColours | FixedColours | RedshiftColours, Field(discriminator="law")]
    source_position: Annotated[MultiplyImagedPosition | DiscPosition, Field(discriminator="law")]

    @model_validator(mode="after")
    def _fit_together(self) -> Priors:
        if isinstance(self.theta_e, DispersionRadius) and (self.lens_redshift is None or self.source_redshift is None):
            raise ValueError("theta_e law velocity_dispersion needs lens_redshift and source_redshift; one of them is null")
        if isinstance(self.source_magnitude, TemplateMagnitude) and not isinstance(self.source_light, BankLight):
            raise ValueError("source_magnitude law template needs source_light law bank")
        if isinstance(self.source_colour, RedshiftColours) and self.source_redshift is None:
            raise ValueError("source_colour law by_redshift needs source_redshift; it is null")
        return self
