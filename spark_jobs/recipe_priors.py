"""The priors that a recipe may name: one model a law, each with its numbers, units and the reference they come from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spark_jobs.recipe_units import IN_ORDER, Arcsec, Deg, Dex, KmPerS, Mag

SersicIndex = Annotated[float, Field(ge=0.3, le=8)]  # what the renderer takes
AxisRatio = Annotated[float, Field(gt=0, le=1)]
PositiveArcsec = Annotated[Arcsec, Field(gt=0)]


class Entry(BaseModel):
    """An entry of a recipe: frozen, unknown keys refused, numbers finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Prior(Entry):
    """An entry whose numbers come from somewhere."""

    reference: str = Field(min_length=3, description="Paper, table or document that the numbers come from.")

    @model_validator(mode="after")
    def _minima_below_maxima(self) -> Self:
        for name in type(self).model_fields:
            low, high = getattr(self, name), getattr(self, name.replace("minimum", "maximum"), None)
            if name.startswith("minimum") and high is not None and low > high:
                raise ValueError(f"{name} is {low} and the maximum is {high}; wanted the minimum below the maximum")
        return self


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


class RayleighShear(Prior):
    """External shear of Rayleigh-distributed strength and uniform angle."""

    law: Literal["rayleigh"]
    mode: float = Field(ge=0, lt=0.5)


class NormalOffset(Prior):
    """Lens centre scattered about the light's, per axis."""

    law: Literal["normal"]
    scatter: Arcsec = Field(ge=0)


class BankLight(Prior):
    """A galaxy of the source bank; a share of them as a Sersic profile of the same size, magnitude and redshift."""

    law: Literal["bank"]
    sersic_share: float = Field(ge=0, le=1)
    sersic_index_range: Annotated[tuple[SersicIndex, SersicIndex], IN_ORDER]
    sersic_axis_ratio_range: Annotated[tuple[AxisRatio, AxisRatio], IN_ORDER]


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
    """r from the bank galaxy's own F814W: r = F814W + factor * (r - z)."""

    law: Literal["template"]
    colour_factor: float


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


class MultiplyImagedPosition(Prior):
    """Uniform over the source-plane disc that holds every multiply imaged position; others are redrawn and counted."""

    law: Literal["multiply_imaged"]
    disc_in_theta_e: float = Field(gt=0)


class DiscPosition(Prior):
    """Uniform over a disc, multiply imaged or not."""

    law: Literal["disc"]
    disc_in_theta_e: float = Field(gt=0)


class Priors(Entry):
    """Every prior of a recipe by name. ``lens_redshift`` and ``source_redshift`` are null where theta_E comes from a grid."""

    lens_redshift: LensRedshift | None
    theta_e: Annotated[DispersionRadius | GridRadius, Field(discriminator="law")]
    mass_ellipticity: Annotated[LightTiedMass | UniformMass, Field(discriminator="law")]
    shear: RayleighShear
    centre_offset: NormalOffset
    source_light: Annotated[BankLight | FlatSquareLight | SersicLight, Field(discriminator="law")]
    source_magnitude: Annotated[TemplateMagnitude | HostOffsetMagnitude | UniformMagnitude, Field(discriminator="law")]
    source_redshift: TemplateRedshift | None
    source_colour: Annotated[NormalColours | FixedColours, Field(discriminator="law")]
    source_position: Annotated[MultiplyImagedPosition | DiscPosition, Field(discriminator="law")]

    @model_validator(mode="after")
    def _fit_together(self) -> Priors:
        if isinstance(self.theta_e, DispersionRadius) and (self.lens_redshift is None or self.source_redshift is None):
            raise ValueError("theta_e law velocity_dispersion needs lens_redshift and source_redshift; one of them is null")
        if isinstance(self.source_magnitude, TemplateMagnitude) and not isinstance(self.source_light, BankLight):
            raise ValueError("source_magnitude law template needs source_light law bank")
        return self
