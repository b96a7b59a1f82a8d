"""What is particular to a survey: cuts, mask bits, limits; read from a YAML file, frozen, and refused where unclear."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from schemas.job_entry import InputError
from schemas.locations import location
from schemas.survey import BANDS
from spark_jobs.yaml_mapping import read_mapping

DEFAULT_SURVEY = "legacy_dr10"
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Magnitude = Annotated[float, Field(allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LrgCut(_Frozen):
    """One cut for luminous red galaxies, in AB magnitudes corrected for Galactic dust."""

    name: str
    z_below: Magnitude
    r_minus_z_above: Magnitude
    z_minus_w1_above: Magnitude

    def is_inside(self, wider: LrgCut) -> bool:
        """Whether every galaxy that passes this cut passes the other."""
        return (
            self.z_below <= wider.z_below
            and self.r_minus_z_above >= wider.r_minus_z_above
            and self.z_minus_w1_above >= wider.z_minus_w1_above
        )


class CutoutLimits(_Frozen):
    """What a stamp must satisfy, and when a whole plane is cheaper than its tiles."""

    max_masked_fraction: Fraction
    max_uncovered_fraction: Fraction
    psf_fwhm_min_arcsec: Positive
    psf_fwhm_max_arcsec: Positive
    whole_plane_above: Annotated[int, Field(ge=0)]


class Downloads(_Frozen):
    """Where the survey's files are fetched from; what is absent cannot be fetched."""

    coadd_url: str | None = None
    cutout_url: str | None = None
    cutout_layer: str | None = None

    @field_validator("coadd_url", "cutout_url")
    @classmethod
    def _is_public(cls, url: str | None) -> str | None:
        """An address that may stand in a file and in a log, and whose server proves who it is."""
        if url is None:
            return None
        parts = urlsplit(url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
        if not (safe and parts.hostname) or "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError(
                "wanted https://host/path, without name, password, query or fragment (http:// on this machine only)"
            )
        return url.rstrip("/")


class SurveySettings(_Frozen):
    """One survey; see the comments in ``surveys/legacy_dr10.yaml`` for each entry."""

    name: str
    lrg_cuts: Annotated[tuple[LrgCut, ...], Field(min_length=1, max_length=31)]
    excluded_morphologies: tuple[str, ...]
    duplicate_radius_arcsec: Positive
    known_lens_radius_arcsec: Positive
    mask_bits: dict[str, Annotated[int, Field(ge=0, le=30)]]
    excluded_in_catalogue: tuple[str, ...]
    excluded_in_pixels: tuple[str, ...]
    z_phot_columns: tuple[str, ...]
    cutouts: CutoutLimits
    downloads: Downloads = Field(default=Downloads(), exclude=True)
    """Excluded from what makes two runs the same: where bytes came from does not change them."""

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        unknown = sorted({*self.excluded_in_catalogue, *self.excluded_in_pixels} - set(self.mask_bits))
        if unknown:
            raise ValueError(f"excluded bits {', '.join(unknown)} are not among mask_bits: {', '.join(self.mask_bits)}")
        for stricter, wider in zip(self.lrg_cuts, self.lrg_cuts[1:], strict=False):
            if not stricter.is_inside(wider):
                raise ValueError(f"lrg_cuts: {stricter.name} is not inside {wider.name}; wanted nested cuts, strictest first")
        return self

    def cut_number(self, name: str) -> int:
        """Position of a cut by name, 0 for the strictest; raises InputError for a name that is not there."""
        names = [cut.name for cut in self.lrg_cuts]
        if name not in names:
            raise InputError(f"cut {name!r} is not one of survey {self.name}; it has {', '.join(names)}")
        return names.index(name)

    def catalogue_bits(self, bands: Iterable[str]) -> int:
        """MASKBITS that exclude a catalogue row where the named bands are wanted."""
        return self._bits(self.excluded_in_catalogue, bands)

    def pixel_bits(self, bands: Iterable[str]) -> int:
        """MASKBITS that exclude a pixel where the named bands are wanted."""
        return self._bits(self.excluded_in_pixels, bands)

    def _bits(self, names: Iterable[str], bands: Iterable[str]) -> int:
        unwanted = {f"_{band.upper()}" for band in BANDS} - {f"_{band.upper()}" for band in bands}
        return sum(1 << self.mask_bits[name] for name in set(names) if name[-2:] not in unwanted)


def load_survey(name_or_path: str) -> SurveySettings:
    """The settings of a survey that the package knows by name, or of a YAML file; InputError says what is wrong with it."""
    known = files("spark_jobs") / "surveys" / f"{name_or_path}.yaml"
    if name_or_path.isidentifier() and known.is_file():
        return _checked(known.read_text(), f"surveys/{name_or_path}.yaml")
    path = location(name_or_path)
    if not path.is_file():
        raise InputError(f"survey {name_or_path!r} is neither a survey of the package ({DEFAULT_SURVEY}) nor a YAML file")
    return _checked(path.read_text(), str(path))


def _checked(text: str, source: str) -> SurveySettings:
    try:
        return SurveySettings.model_validate(read_mapping(text, source))
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors())
        raise InputError(f"{source}: {'; '.join(faults)}") from error
