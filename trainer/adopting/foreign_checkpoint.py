"""A checkpoint of the failed experiment as one of ours: the same network, told the same numbers, prepared the same way.

Its file is a torch file with ``model``, ``opt`` and ``args``. What its tensors are is found by their shapes and the ends of
their names, whatever stands before: a torchvision ConvNeXt-Tiny without classifier, and a head of four linear layers (metadata
2 → 256 → 256; image features and metadata, 1024 → 256 → 1). The shapes do not say which activation stands between the layers,
whether the metadata branch ends in one, and which of the two parts comes first: ``HeadReading`` does.

It was told PSF width (arcsec) and depth (AB mag) as they are. Ours is told (value - mean) / std, a null as 0, so mean and std
are put into the first layer's weights, w' = w std and b' = b + w mean: the same logits, and a null says the usual conditions
where theirs said a depth of zero.
"""

from __future__ import annotations

import argparse
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch

from schemas.code_version import code_version
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.scratch_files import on_disk
from trainer.backbones import build_backbone
from trainer.checkpoint import Checkpoint, Origin, Progress, checkpoint_hash
from trainer.lens_network import LensNetwork
from trainer.meta_fusion_head import HIDDEN
from trainer.metadata import MetadataStatistics
from trainer.preprocessing import Preprocessing
from trainer.train_settings import NetworkSettings, NormalisationSettings, TrainSettings

COLUMNS = ("psf_fwhm_r_arcsec", "psf_depth_r_mag")
USUAL, SCATTER = (1.25, 23.9), (0.2, 0.3)
"""DR10's median width and depth in r and about their scatter (FACTS 4): they decide what a null says, nothing else."""
RECIPE_NAME = "adopted"
_FEATURES, _INPUTS = 768, 2
_STEM = "features.0.0.weight"
_LAYERS = {
    "head.metadata.0": (HIDDEN, _INPUTS),
    "head.metadata.2": (HIDDEN, HIDDEN),
    "head.fusion.0": (HIDDEN, _FEATURES + HIDDEN),
    "head.fusion.2": (1, HIDDEN),
}

Activation = Literal["relu", "gelu"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class HeadReading:
    """What shapes do not say of the head; ``activation`` None: as ``args`` says, else relu."""

    activation: Activation | None = None
    metadata_activated: bool = True
    metadata_first: bool = False


@dataclass(frozen=True)
class ForeignCheckpoint:
    """What a file holds: tensors by name, and its arguments."""

    model: Tensors
    args: Mapping[str, Any]
    epoch: int


def read_foreign(path: Location) -> ForeignCheckpoint:
    """Read without running code: of classes only ``argparse.Namespace`` is let in.

    Raises InputError where the file is not there, is no such torch file, or has no ``model`` of tensors.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; wanted a torch file with model, opt and args")
    with on_disk(path) as file, warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
        warnings.simplefilter("ignore", UserWarning)  # torch asks for a bug report where the file is some other pickle
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
            text = " ".join(str(error).split())
            refused = re.search(r"Unsupported (?:global|class|operand): (?:GLOBAL )?(\S+)", text)
            what = f"it holds {refused[1]}" if refused else text[:200]
            raise InputError(
                f"{path} does not load without running code: {what}; wanted tensors, numbers, texts and argparse.Namespace only"
            ) from error
    model = content.get("model") if isinstance(content, Mapping) else None
    if not isinstance(model, Mapping) or not all(isinstance(value, torch.Tensor) for value in model.values()):
        seen = ", ".join(sorted(map(str, content))[:6]) if isinstance(content, Mapping) else type(content).__name__
        raise InputError(f"{path} is a torch file with {seen}; wanted one with model (tensors by name), opt and args")
    args = content.get("args")
    told = vars(args) if isinstance(args, argparse.Namespace) else args if isinstance(args, Mapping) else {}
    epoch = content.get("epoch")
    return ForeignCheckpoint(dict(model), told, epoch if isinstance(epoch, int) else 0)


def adopt_checkpoint(path: Location, reading: HeadReading, size: int) -> Checkpoint:
    """The network of a file with the preparation that it was trained with, for stamps of ``size`` pixels.

    Raises InputError, which lists what does not fit, for another architecture.
    """
    foreign = read_foreign(path)
    activation: Activation = reading.activation or activation_in(foreign.args) or "relu"
    network_settings = NetworkSettings(
        backbone="convnext_tiny", head_activation=activation, metadata_activated=reading.metadata_activated
    )
    normalisation = NormalisationSettings(kind="gen5")
    with torch.device("meta"):  # no weights are drawn where all are given
        network = LensNetwork(network_settings, _INPUTS)
    network.load_state_dict(_told_deviations(mapped_tensors(path, foreign.model, reading)), strict=True, assign=True)
    return Checkpoint(
        network.eval(),
        TrainSettings(metadata_columns=COLUMNS, network=network_settings, normalisation=normalisation),
        Preprocessing(normalisation, MetadataStatistics(COLUMNS, USUAL, SCATTER)),
        Origin(
            code_version("schemas", "trainer"), "", RECIPE_NAME, None, size, initial_weights=f"adopted {checkpoint_hash(path)}"
        ),
        Progress(max(foreign.epoch, 0), None, None),
    )


def activation_in(args: Mapping[str, Any]) -> Activation | None:
    """The activation that the arguments of a run name, where they do."""
    for name in ("head_activation", "activation", "act"):
        for known in ACTIVATIONS:
            if str(args.get(name, "")).lower() == known:
                return known
    return None


def mapped_tensors(path: Location, model: Tensors, reading: HeadReading) -> Tensors:
    """The tensors under our names, for raw metadata; raises InputError for another architecture."""
    with torch.device("meta"):
        expected = build_backbone(NetworkSettings(backbone="convnext_tiny")).network.state_dict()
    stems = [name for name in model if name.endswith(_STEM) and tuple(model[name].shape) == tuple(expected[_STEM].shape)]
    if len(stems) != 1:
        raise InputError(
            f"{path} holds {len(model)} tensors and no ConvNeXt-Tiny among them ({len(stems)} are called ...{_STEM} of shape "
            f"{tuple(expected[_STEM].shape)}); wanted torchvision's with a fusion head. It begins {_listed(model)}"
        )
    prefix = stems[0].removesuffix(_STEM)
    wrong = [f"{prefix}{name} is lacking" for name in expected if prefix + name not in model]
    wrong += [
        f"{prefix}{name} is {_shape(model[prefix + name])}, wanted {_shape(tensor)}"
        for name, tensor in expected.items()
        if prefix + name in model and model[prefix + name].shape != tensor.shape
    ]
    rest = {name: tensor for name, tensor in model.items() if name.removeprefix(prefix) not in expected}
    head, faults = _head(rest)
    if wrong or faults:
        shown = "; ".join((wrong + faults)[:6])
        raise InputError(
            f"{path} is another architecture: {shown} ({len(wrong + faults)} in all); wanted ConvNeXt-Tiny "
            f"without classifier, metadata {_INPUTS}-{HIDDEN}-{HIDDEN}, fusion {_FEATURES + HIDDEN}-{HIDDEN}-1"
        )
    if reading.metadata_first:
        joined = head["head.fusion.0.weight"]
        head["head.fusion.0.weight"] = torch.cat([joined[:, HIDDEN:], joined[:, :HIDDEN]], dim=1)
    return {f"backbone.network.{name}": model[prefix + name] for name in expected} | head


def _head(rest: Tensors) -> tuple[Tensors, list[str]]:
    """The four linear layers by their shapes, which all differ; and what else there is, or is not."""
    found: Tensors = {}
    used: set[str] = set()
    faults = []
    for ours, shape in _LAYERS.items():
        named = [name for name, tensor in rest.items() if name.endswith("weight") and tuple(tensor.shape) == shape]
        bias = named[0].removesuffix("weight") + "bias" if len(named) == 1 else ""
        if bias not in rest or tuple(rest[bias].shape) != shape[:1]:
            faults.append(f"{len(named)} layers of shape {shape} with bias where one is wanted ({ours})")
            continue
        found |= {f"{ours}.weight": rest[named[0]], f"{ours}.bias": rest[bias]}
        used |= {named[0], bias}
    faults += [f"{name} {_shape(tensor)} has no place" for name, tensor in rest.items() if name not in used]
    return found, faults


def _told_deviations(tensors: Tensors) -> Tensors:
    """The same network for metadata as (value - mean) / std."""
    weight, bias = (tensors[f"head.metadata.0.{part}"].double() for part in ("weight", "bias"))
    mean, std = (torch.tensor(values, dtype=torch.float64) for values in (USUAL, SCATTER))
    changed = {"head.metadata.0.weight": (weight * std).float(), "head.metadata.0.bias": (bias + weight @ mean).float()}
    return {name: tensor.float() for name, tensor in tensors.items()} | changed


def _shape(tensor: torch.Tensor) -> str:
    return str(tuple(tensor.shape))


def _listed(model: Tensors) -> str:
    return ", ".join(f"{name} {_shape(tensor)}" for name, tensor in list(model.items())[:3]) or "nothing"
