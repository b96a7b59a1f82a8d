"""The trainer's settings: frozen, typed, read from one YAML file whose entries the command line may override.

No torch here, so that a settings file can be checked anywhere. The settings are stored in the checkpoint, and scoring takes
them from there: a flag given to ``dhs score`` can change how fast stamps are read, never how they are prepared.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.job_entry import InputError
from schemas.survey import BANDS

BackboneName = Literal["convnext_tiny", "convnext_mini", "efficientnet_v2_s", "resnet18", "resnet10"]
DEFAULT_SETTINGS = "default"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataSettings(_Frozen):
    """How stamps are read. ``lanes`` shuffle streams run side by side; a batch takes the same share from each.

    The order depends on ``lanes`` and ``shuffle_groups``, never on the number of workers or ranks.
    """

    lanes: int = Field(default=8, ge=1, le=256, description="independent shuffle streams; a multiple of ranks times workers")
    shuffle_groups: int = Field(default=4, ge=1, le=256, description="row groups that a lane mixes at a time (13 MB each)")
    workers: int | None = Field(default=None, ge=0, le=256, description="reading processes; null: by cores, 0: none")
    max_corrupt: int = Field(default=10, ge=0, description="unreadable stamps that are skipped in one pass before it stops")


class NormalisationSettings(_Frozen):
    """How nanomaggies become network input; see trainer/normalisation.py for the formulae."""

    kind: Literal["asinh", "gen5"] = "asinh"
    softening: float = Field(default=3.0, gt=0, description="k of asinh(x / (k s)): linear below k s, logarithmic above")
    sky_sigma_nmgy: dict[str, float] = Field(
        default={"g": 0.0023, "r": 0.0041, "z": 0.011}, description="s per band: one constant, the same for every stamp"
    )
    edge_pix: int = Field(default=4, ge=1, description="width of the frame whose median is the sky level")
    clip_sigma: float = Field(default=1e4, ge=1e4, description="asinh only: pixels beyond this many s are cut, and none below")

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
    best_by: Literal["val_auc", "val_loss"] = Field(default="val_auc", description="what makes a checkpoint the best one")


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
    flips_and_rotations: bool = Field(default=True, description="one of the square's eight symmetries a stamp and epoch")
    data: DataSettings = DataSettings()
    normalisation: NormalisationSettings = NormalisationSettings()
    network: NetworkSettings = NetworkSettings()
    loss: LossSettings = LossSettings()
    optimisation: OptimisationSettings = OptimisationSettings()

    @model_validator(mode="after")
    def _batch_divides_into_lanes(self) -> Self:
        batch, lanes = self.optimisation.batch_size, self.data.lanes
        if batch % lanes:
            raise ValueError(f"batch_size is {batch} and data.lanes is {lanes}; wanted a batch that divides evenly into lanes")
        return self

    def identity(self) -> dict[str, Any]:
        """What decides the result, as plain values: everything but the device and the number of reading processes."""
        return self.model_dump(mode="json", exclude={"device": True, "data": {"workers", "max_corrupt"}})


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
    path = Path(name_or_path)
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
