"""A recipe: an experiment as a YAML file, checked when it is read, named by the hash of its content."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from schemas.job_entry import InputError
from schemas.locations import Location, location, size_of
from schemas.split_rule import check_fractions
from spark_jobs.recipe_entry import Entry
from spark_jobs.recipe_negatives import Negatives
from spark_jobs.recipe_priors import GridRadius, HostOffsetMagnitude, Priors
from spark_jobs.recipe_units import IN_ORDER, Arcsec, ElectronPerNmgy, Mag, MagPerArcsec2, Pix
from spark_jobs.recipe_weighting import Weighting
from spark_jobs.yaml_mapping import read_mapping

MAX_RECIPE_BYTES = 1 << 20


LARGEST_STEP = 0.154
"""Of the sky's sigma: a step of 0.154 raises it by 0.99e-3 of itself."""


class Stamp(Entry):
    """Size of the stamps that are made; the cutouts must be as large. How their pixels are kept.

    ``quantised`` keeps integers of ``step_in_sky_sigma`` of each stamp's sky noise, which rises by step^2 / 24 of itself: by
    less than 1e-3.
    """

    size: Pix = Field(ge=16, le=512, multiple_of=1)
    encoding: Literal["float32", "quantised"] = "float32"
    step_in_sky_sigma: float = Field(default=0.15, gt=0, le=LARGEST_STEP)


class HostLimits(Entry):
    """Which hosts are used: the name of an LRG cut and a faint limit, dust-corrected."""

    lrg_cut: Literal["v1", "v2", "v3", "v4", "v5"]
    faintest_r: Mag


class Split(Entry):
    """What keeps together in a split, and the shares."""

    key: Literal["host_cell", "task_id"]
    fractions: dict[str, float]

    @field_validator("fractions")
    @classmethod
    def _thousandths(cls, value: dict[str, float]) -> dict[str, float]:
        check_fractions(value)
        return value


class Tasks(Entry):
    """How many tasks a host gets. A grid recipe draws ``configurations_per_host`` of its grid for each host."""

    replicates: int = Field(ge=1, le=10_000)
    configurations_per_host: int = Field(default=1, ge=1, le=10_000)
    controls: Literal["paired", "unpaired"]
    max_tasks: int = Field(ge=1)


class Psf(Entry):
    """Profile of the PSF that arcs are blurred with, and whose: the host's own or the mean of its brick.

    ``kernel`` is the image of a star that the host's cutout carries.
    """

    profile: Literal["moffat", "gaussian", "kernel"]
    beta: float = Field(default=3.5, gt=1)
    width: Literal["host", "brick_mean"]

    @model_validator(mode="after")
    def _own_kernel(self) -> Psf:
        if self.profile == "kernel" and self.width != "host":
            raise ValueError(f"profile kernel is the host's own; width is {self.width}, wanted host")
        return self


class SkyBrightness(Entry):
    """Surface brightness of the sky in each band, AB."""

    g: MagPerArcsec2 = Field(ge=10, le=30)
    r: MagPerArcsec2 = Field(ge=10, le=30)
    z: MagPerArcsec2 = Field(ge=10, le=30)


class Noise(Entry):
    """Whether the arc brings its own photon noise: by one gain, or by each cutout's own, from its invvar and the sky."""

    law: Literal["shot", "none"]
    gain: ElectronPerNmgy | None = None
    sky: SkyBrightness | None = None
    reference: str = ""

    @field_validator("gain")
    @classmethod
    def _positive(cls, value: float | None) -> float | None:
        if value is not None and not value > 0:
            raise ValueError(f"gain is {value} electron/nmgy; wanted a number above 0")
        return value

    @model_validator(mode="after")
    def _one_gain_for_shot(self) -> Noise:
        if self.law == "shot" and self.gain is None and self.sky is None:
            raise ValueError("law shot needs a gain in electron/nmgy or a sky in mag/arcsec2; both are absent")
        if self.gain is not None and self.sky is not None:
            raise ValueError("gain and sky are both given; wanted one of them")
        return self


class Accept(Entry):
    """What a draw must be to become a task (the plan redraws, and counts), and what its rendered arc must be (inject)."""

    max_draws: int = Field(ge=1, le=100_000)
    minimum_redshift_gap: float = Field(ge=0)
    theta_e_range: Annotated[tuple[Arcsec, Arcsec], IN_ORDER]
    minimum_images: int = Field(ge=1, le=4)
    minimum_magnification: float = Field(ge=0)
    minimum_predicted_arc_snr: float = Field(ge=0)
    minimum_theta_e_over_fwhm: float = Field(ge=0)
    minimum_rendered_arc_snr: float = Field(ge=0)


class Recipe(Entry):
    """An experiment. ``accept`` null takes every first draw: for completeness, and for the failed experiment."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    description: str
    stamp: Stamp
    hosts: HostLimits
    split: Split
    tasks: Tasks
    priors: Priors
    psf: Psf
    noise: Noise
    accept: Accept | None
    negatives: Negatives | None = None
    weighting: Weighting | None = None
    _content: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _pairs_stay_together(self) -> Recipe:
        if self.split.key == "task_id" and self.tasks.controls == "paired":
            raise ValueError("split.key task_id tears pairs apart; wanted host_cell, or tasks.controls unpaired")
        return self

    @property
    def recipe_hash(self) -> str:
        """First 16 hex digits of the SHA-256 of the checked content as JSON with sorted keys.

        Left out: name and description, and the guard ``max_tasks``, which says how much may be made and not what.
        """
        content = self.model_dump(mode="json", exclude={"name": True, "description": True, "tasks": {"max_tasks"}})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def as_yaml(self) -> str:
        """The recipe as it was written, base included: reading this text gives the same recipe and the same hash."""
        return yaml.safe_dump(self._content, sort_keys=False)

    @property
    def size_pix(self) -> int:
        """Side of the stamps."""
        return int(self.stamp.size)

    @property
    def grid(self) -> list[tuple[float | None, float | None]]:
        """Grid configurations as (theta_e in arcsec, magnitude offset); one empty configuration where nothing is a grid."""
        radii = self.priors.theta_e.values if isinstance(self.priors.theta_e, GridRadius) else (None,)
        magnitude = self.priors.source_magnitude
        offsets = magnitude.values if isinstance(magnitude, HostOffsetMagnitude) else (None,)
        return [(radius, offset) for radius in radii for offset in offsets]


def read_recipe(name_or_path: str | Location) -> Recipe:
    """The recipe of a file, or one that comes with the package by its name (gen5, realistic, demo).

    Raises InputError with one line per fault: an unknown key, a wrong unit, a number out of range.
    """
    path = location(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise InputError(f"recipe {path} is not there; wanted a YAML file, or one of {', '.join(packaged_recipes())}")
        if (size := size_of(path)) > MAX_RECIPE_BYTES:
            raise InputError(f"recipe {path} has {size} bytes; at most {MAX_RECIPE_BYTES} are read")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"recipe {path} is not UTF-8 text: {error}") from error
        return parse_recipe(text, str(path))
    if str(name_or_path) not in packaged_recipes():
        raise InputError(f"no recipe {str(name_or_path)!r}; wanted a .yaml file or one of {', '.join(packaged_recipes())}")
    text = (files("spark_jobs") / "recipes" / f"{name_or_path}.yaml").read_text(encoding="utf-8")
    return parse_recipe(text, str(name_or_path))


def packaged_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(entry.name.removesuffix(".yaml") for entry in (files("spark_jobs") / "recipes").iterdir())


def parse_recipe(text: str, origin: str) -> Recipe:
    """A recipe from YAML text; ``origin`` names it in errors."""
    content = read_mapping(text, f"recipe {origin}")
    whole = _on_base(content, origin)
    try:
        recipe = Recipe.model_validate(whole)
    except ValidationError as error:
        raise InputError(f"recipe {origin}: " + "; ".join(_fault(fault) for fault in error.errors())) from error
    recipe._content = whole
    return recipe


def _on_base(content: dict[str, Any], origin: str) -> dict[str, Any]:
    """The content laid over the packaged recipe that ``based_on`` names; each entry given replaces the base's whole entry."""
    base = content.pop("based_on", None)
    if base is None:
        return content
    if base not in packaged_recipes():
        raise InputError(f"recipe {origin}: based_on {base!r}; wanted one of {', '.join(packaged_recipes())}")
    text = (files("spark_jobs") / "recipes" / f"{base}.yaml").read_text(encoding="utf-8")
    below: dict[str, Any] = yaml.safe_load(text)
    if "based_on" in below:
        raise InputError(f"recipe {origin}: based_on {base!r}, which is itself based on another; one level is read")
    return below | content


def _fault(fault: object) -> str:
    """One fault as 'entry: what is wrong (seen value)'."""
    if not isinstance(fault, dict):
        return str(fault)
    entry = ".".join(str(part) for part in fault["loc"]) or "recipe"
    if fault["type"] == "extra_forbidden":
        return f"{entry}: unknown key"
    message = str(fault["msg"]).removeprefix("Value error, ")
    seen = "" if fault["type"] in ("missing", "value_error") else f" (seen {str(fault['input'])[:60]!r})"
    return f"{entry}: {message}{seen}"
