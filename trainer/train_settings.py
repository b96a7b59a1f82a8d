"""The trainer's settings: frozen, typed, read from one YAML file whose entries the command line may override.

No torch here, so that a settings file can be checked anywhere. The settings are stored in the checkpoint, and scoring takes
them from there: a flag given to ``dhs score`` can change how fast stamps are read, never how they are prepared.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.job_entry import InputError
from schemas.locations import location
from schemas.stamps import STAMP_INDEX
from schemas.survey import BANDS

BackboneName = Literal["convnext_tiny", "convnext_mini", "efficientnet_v2_s", "resnet18", "resnet10"]
BestBy = Literal["val_auc", "val_loss", "val_tpr_at_fpr_0.01", "val_tpr_at_fpr_0.001"]
DEFAULT_SETTINGS = "default"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RangeSettings(_Frozen):
    """A closed range of a column; an end that is null is open."""

    min: float | None = None
    max: float | None = None


class SelectSettings(_Frozen):
    """Which stamps of the index are trained on and validated with; what is dropped here is never decoded.

    A pair is kept or dropped as one. A row passes a range where its column is null: a control has no arc to be too faint.
    """

    kinds: tuple[str, ...] | None = Field(default=None, description="kinds of task to keep, as in the index; null: all")
    ranges: dict[str, RangeSettings] = Field(default={}, description="by column of the index, injected ones too")

    @model_validator(mode="after")
    def _columns_are_numbers_of_the_index(self) -> Self:
        for name in self.ranges:
            if name not in STAMP_INDEX.names or STAMP_INDEX[name].type in ("string", "bool"):
                raise ValueError(f"select.ranges names {name!r}; wanted a numeric column of the stamps' index")
        return self


class DataSettings(_Frozen):
    """How stamps are read. ``lanes`` shuffle streams run side by side; a batch takes the same share from each.

    The order depends on ``lanes``, ``shuffle_groups``, ``pairs`` and ``mix``, never on the number of workers or ranks.
    """

    select: SelectSettings = SelectSettings()
    pairs: bool = Field(default=False, description="a lens and its control always in the same batch")
    mix: dict[str, float] | None = Field(
        default=None,
        description="share of an epoch's stamps (or pairs, counted as lens) by kind; hard: every kind but lens and control. "
        "Each epoch draws anew from the kinds of which there are too many; null: all stamps of all kinds",
    )

    lanes: int = Field(default=8, ge=1, le=256, description="independent shuffle streams; a multiple of ranks times workers")
    shuffle_groups: int = Field(default=4, ge=1, le=256, description="row groups that a lane mixes at a time (13 MB each)")
    workers: int | None = Field(default=None, ge=0, le=256, description="reading processes; null: by cores, 0: none")
    max_corrupt: int = Field(default=10, ge=0, description="unreadable stamps that are skipped in one pass before it stops")

    @model_validator(mode="after")
    def _shares_are_positive_and_make_one(self) -> Self:
        if self.mix is not None and (not self.mix or min(self.mix.values()) <= 0 or abs(sum(self.mix.values()) - 1) > 1e-6):
            raise ValueError(f"mix is {self.mix}; wanted positive shares that add up to 1")
        return self


class NormalisationSettings(_Frozen):
    """How nanomaggies become network input; see trainer/normalisation.py for the formulae."""

    kind: Literal["asinh", "gen5"] = "asinh"
    softening: float = Field(default=3.0, gt=0, description="k of asinh(x / (k s)): linear below k s, logarithmic above")
    sky_sigma_nmgy: dict[str, float] = Field(
        default={"g": 0.0023, "r": 0.0041, "z": 0.011}, description="s per band: one constant, the same for every stamp"
    )
    edge_pix: int = Field(default=4, ge=1, description="width of the frame whose median is the sky level")
    clip_sigma: float = Field(default=1e4, ge=1e4, description="asinh only: pixels beyond this many s are cut, and none below")
    residual: Literal["none", "azimuthal_median", "gaussian"] = Field(
        default="none", description="asinh only: three more channels, the stamp less its galaxy's smooth light"
    )
    residual_sigma_pix: float = Field(
        default=4.0, gt=0, le=32, description="gaussian only: width of the blur that is taken off"
    )

    @property
    def channels(self) -> int:
        """Channels of the network's input."""
        return len(BANDS) * (1 if self.residual == "none" else 2)

    @model_validator(mode="after")
    def _residuals_are_asinh(self) -> Self:
        if self.residual != "none" and self.kind != "asinh":
            raise ValueError(f"residual is {self.residual!r} and kind is {self.kind!r}; wanted kind asinh, or no residual")
        return self

    @model_validator(mode="after")
    def _one_positive_sigma_per_band(self) -> Self:
        if set(self.sky_sigma_nmgy) != set(BANDS) or min(self.sky_sigma_nmgy.values()) <= 0:
            raise ValueError(f"sky_sigma_nmgy is {self.sky_sigma_nmgy}; wanted one positive number for each of {BANDS}")
        return self


class NetworkSettings(_Frozen):
    """Which network; see trainer/backbones.py for what each one is."""

    backbone: BackboneName = "convnext_tiny"
    stem_stride: Literal[2, 4] = Field(default=4, description="of the first layer; 2 sees finer detail at four times the cost")
    drop_path: float = Field(default=0.1, ge=0, lt=1, description="stochastic depth of the ConvNeXt blocks")
    head_activation: Literal["relu", "gelu"] = Field(default="relu", description="between the layers of the head")
    metadata_activated: bool = Field(
        default=True, description="whether the metadata branch ends in an activation, or in its last layer"
    )
    weights: str | None = Field(
        default=None, description="to start from: a torchvision state dictionary's file, imagenet (fetched), or null: random"
    )


class AugmentationSettings(_Frozen):
    """How stamps differ from epoch to epoch; 0 leaves a variation out. See trainer/augmentation.py."""

    flips_and_rotations: bool = Field(default=True, description="one of the square's eight symmetries a stamp and epoch")
    shift_pix: float = Field(default=0.0, ge=0, le=2, description="largest shift along x and y, uniform")
    broadening_arcsec: float = Field(default=0.0, ge=0, le=3, description="largest FWHM of a Gaussian that widens the PSF")
    noise_sigma: float = Field(default=0.0, ge=0, le=10, description="largest added white noise, in a stamp's own sky noises")
    flux_jitter_mag: float = Field(default=0.0, ge=0, le=1, description="scatter of each band's zero point")
    background_sigma: float = Field(
        default=0.0, ge=0, le=10, description="scatter of each band's sky level and slopes, in sky noises"
    )
    core_dropout: float = Field(default=0.0, ge=0, lt=1, description="share of the stamps whose core is hidden")
    core_radius_pix: float = Field(default=4.0, gt=0, description="radius of the core that is hidden")

    @property
    def changes_noise(self) -> bool:
        """Whether a stamp's own sky noise has to be known."""
        return bool(self.broadening_arcsec or self.noise_sigma or self.background_sigma)

    @property
    def changes_stamps(self) -> bool:
        """Whether pixels are changed before they are prepared."""
        return bool(self.changes_noise or self.shift_pix or self.flux_jitter_mag)

    @property
    def changes_input(self) -> bool:
        """Whether prepared pixels are changed."""
        return bool(self.flips_and_rotations or self.core_dropout)


class OptimisationSettings(_Frozen):
    """How long and how fast. The learning rate warms up linearly, then falls as a cosine to zero."""

    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=512, ge=2, description="over all ranks; a multiple of data.lanes")
    learning_rate: float = Field(default=5e-4, gt=0)
    weight_decay: float = Field(default=0.05, ge=0, description="on matrices and kernels, not on biases, norms or layer scales")
    warmup_epochs: float = Field(default=1.0, ge=0)
    gradient_clip: float = Field(default=1.0, gt=0, description="largest gradient norm of a step")
    precision: Literal["float32", "bfloat16"] = Field(default="float32", description="of the network, not of the loss")
    ema_decay: float = Field(
        default=0.0, ge=0, lt=1, description="of the average of the weights that is validated and kept as best; 0: none"
    )
    compile: bool = Field(default=False, description="torch.compile: a minute or two at the start, faster steps on a GPU")
    best_by: BestBy = Field(default="val_auc", description="what makes a checkpoint the best one")
    patience: int | None = Field(
        default=None, ge=1, description="epochs without a better one after which training stops; null: none"
    )
    save_minutes: float = Field(default=10.0, ge=0, description="between two savings inside an epoch; 0: after every step")


class LossSettings(_Frozen):
    """What a wrong answer costs; see trainer/losses.py for the formulae."""

    kind: Literal["bce", "focal"] = "bce"
    focal_gamma: float = Field(default=2.0, ge=0, le=10, description="focal only: how fast known stamps count less")
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="s: labels are s/2 and 1 - s/2 instead of 0 and 1")


class TrainSettings(_Frozen):
    """Everything that a training run is made of, beside the stamps."""

    seed: int = Field(default=1, ge=0)
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    metadata_columns: tuple[str, ...] = Field(default=("psf_fwhm_r_arcsec", "psf_depth_r_mag"), min_length=1)
    data: DataSettings = DataSettings()
    normalisation: NormalisationSettings = NormalisationSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    network: NetworkSettings = NetworkSettings()
    loss: LossSettings = LossSettings()
    optimisation: OptimisationSettings = OptimisationSettings()

    @model_validator(mode="after")
    def _batch_divides_into_lanes(self) -> Self:
        batch, lanes = self.optimisation.batch_size, self.data.lanes
        if batch % lanes:
            raise ValueError(f"batch_size is {batch} and data.lanes is {lanes}; wanted a batch that divides evenly into lanes")
        if self.data.pairs and batch // lanes % 2:
            raise ValueError(
                f"batch_size is {batch} and data.lanes is {lanes}: {batch // lanes} stamps a lane; wanted an even one for pairs"
            )
        return self

    def identity(self) -> dict[str, Any]:
        """What decides the result, as plain values: not the device, the reading processes, or how often is saved."""
        return self.model_dump(
            mode="json",
            exclude={"device": True, "data": {"workers", "max_corrupt"}, "optimisation": {"save_minutes"}},
        )


def load_settings(name_or_path: str, overrides: Mapping[str, Any] | None = None) -> TrainSettings:
    """Settings from a YAML file, or by the name of one in ``trainer/settings``; dotted ``overrides`` win over the file.

    An override of None is no override. Raises InputError for a file that is not there, is not YAML, has an unknown key or a
    value out of range; the text names the key.
    """
    source, text = _settings_text(name_or_path)
    try:
        content = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # an impossible date is a ValueError
        raise InputError(f"settings {source} are not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"settings {source} hold a {type(content).__name__}; wanted a mapping of keys to values")
    for dotted, value in (overrides or {}).items():
        if value is not None:
            _put(content, dotted, value, source)
    return settings_from(content, source)


def settings_from(content: Mapping[str, Any], source: str) -> TrainSettings:
    """Settings from plain values, as a file or a checkpoint holds them; raises InputError that names ``source`` and keys."""
    try:
        return TrainSettings.model_validate(dict(content))
    except ValidationError as error:
        faults = "; ".join(_fault(detail["loc"], detail["msg"], detail["input"]) for detail in error.errors())
        raise InputError(f"settings {source}: {faults}") from error


def named_settings() -> list[str]:
    """Names of the settings files that come with the package."""
    folder = files("trainer") / "settings"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def _settings_text(name_or_path: str) -> tuple[str, str]:
    if name_or_path in named_settings():
        return name_or_path, (files("trainer") / "settings" / f"{name_or_path}.yaml").read_text()
    path = location(name_or_path)
    if not path.is_file():
        raise InputError(f"settings {name_or_path!r}: no such file; wanted a YAML file or one of {', '.join(named_settings())}")
    try:
        return str(path), path.read_text()
    except UnicodeDecodeError as error:
        raise InputError(f"settings {path} are not text: {error}") from error


def _put(content: dict[str, Any], dotted: str, value: Any, source: str) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        content = content.setdefault(parent, {})
        if not isinstance(content, dict):
            raise InputError(f"settings {source}: {parent} is {content!r}; wanted a mapping of keys to values")
    content[last] = value


def _fault(place: tuple[int | str, ...], message: str, seen: object) -> str:
    return f"{'.'.join(map(str, place)) or 'settings'}: {message}, seen {seen!r}"[:300]
