"""Weights to start from: torchvision's, trained on ImageNet, fetched or from a file, fitted to stamps of three or six channels.

ImageNet's channels run from red to blue and a stamp's from g to z, so the first layer's are reversed. Six channels get the
same weights twice, halved, so that the first layer answers as it would have. A first layer of another size, ResNet's for small
stamps, starts from chance; all else must fit.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError

import torch
from torchvision.models import get_model_weights

from schemas.finished_files import size_and_sha256
from schemas.job_entry import InputError
from schemas.locations import Location, location
from schemas.scratch_files import on_disk
from trainer.backbones import Backbone
from trainer.train_settings import NetworkSettings

IMAGENET = "imagenet"
_CLASSIFIER = ("classifier.", "fc.")
_AT_IMAGENET = ("convnext_tiny", "efficientnet_v2_s", "resnet18")


def weights_identity(settings: NetworkSettings) -> str:
    """What the weights are: their name, or the first 16 hex digits of the file's SHA-256; empty for none.

    Raises InputError where the file is not there.
    """
    if settings.weights in (None, IMAGENET):
        return settings.weights or ""
    place = location(str(settings.weights))
    if not place.is_file():
        raise InputError(
            f"network.weights is {str(place)!r}: no such file; wanted a torchvision state dictionary, or {IMAGENET}"
        )
    return size_and_sha256(place)[1][:16]


def start_from_weights(backbone: Backbone, settings: NetworkSettings) -> None:
    """Put the weights that the settings name into the backbone; raises InputError where they cannot be had or do not fit."""
    if settings.weights is not None:
        _fit(backbone, _imagenet(settings) if settings.weights == IMAGENET else _of_file(location(settings.weights)), settings)


def _imagenet(settings: NetworkSettings) -> Mapping[str, torch.Tensor]:
    if settings.backbone not in _AT_IMAGENET:
        raise InputError(
            f"nobody trained {settings.backbone!r} on ImageNet; network.weights wanted one of {_AT_IMAGENET}, or null"
        )
    try:
        state: Mapping[str, torch.Tensor] = get_model_weights(settings.backbone).DEFAULT.get_state_dict(check_hash=True)
    except (URLError, OSError) as error:
        raise InputError(
            f"ImageNet weights of {settings.backbone} cannot be fetched ({error}); fetch them elsewhere and give their path"
        ) from error
    return state


def _of_file(place: Location) -> Mapping[str, torch.Tensor]:
    with on_disk(place) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch asks for a bug report where the file is some other pickle
        try:
            state: Any = torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
            text = str(error).split("\n", 1)[0][:200]
            raise InputError(f"{place} is not a file of weights that loads without running code: {text}") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(f"{place} holds no state dictionary; wanted names and tensors, as torchvision's files have them")
    return state


def _fit(backbone: Backbone, state: Mapping[str, torch.Tensor], settings: NetworkSettings) -> None:
    own = backbone.network.state_dict()
    stem = next(name for name, tensor in own.items() if tensor.ndim == 4)
    given = {name: tensor for name, tensor in state.items() if not name.startswith(_CLASSIFIER)}
    if stem in given:
        given[stem] = _for_channels(given[stem], own[stem].shape[1])
        if given[stem].shape != own[stem].shape:
            del given[stem]
    unlike = sorted(name for name in own.keys() & given.keys() if own[name].shape != given[name].shape)
    absent, strange = sorted(own.keys() - given.keys() - {stem}), sorted(given.keys() - own.keys())
    if unlike or absent or strange:
        first = (unlike + absent + strange)[0]
        raise InputError(
            f"weights {settings.weights} do not fit {settings.backbone!r}: {len(unlike)} of another shape, "
            f"{len(absent)} lacking, {len(strange)} unknown, first {first!r}"
        )
    backbone.network.load_state_dict(given, strict=False)


def _for_channels(weights: torch.Tensor, channels: int) -> torch.Tensor:
    """A first layer's weights (out, 3, y, x), red to blue, for stamps of three channels or six, blue to red."""
    reversed_weights = weights.flip(1)
    times = channels // weights.shape[1]
    return reversed_weights if times <= 1 else reversed_weights.repeat(1, times, 1, 1) / times
