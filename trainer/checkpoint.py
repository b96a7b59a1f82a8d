"""A checkpoint: weights and everything that is needed to use them, in one file that loads without running code.

It holds plain tensors, numbers, strings, lists and dictionaries only, so ``torch.load(weights_only=True)`` reads it. It takes
its name once it is whole, on disk or in S3, so that a reader sees the old one or the new one.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import warnings
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from schemas.contract import CONTRACT_VERSION
from schemas.file_commit import commit_bytes
from schemas.finished_files import size_and_sha256
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.scratch_files import on_disk
from trainer.lens_network import LensNetwork
from trainer.preprocessing import Preprocessing
from trainer.train_settings import TrainSettings, settings_from

FORMAT = "darkhaloscope checkpoint"
FORMAT_VERSION = 2
BEST_NAME = "best.pt"
LAST_NAME = "last.pt"


@dataclass(frozen=True)
class Origin:
    """What a network was trained on, and with which code."""

    code_version: str
    recipe_hash: str
    recipe_name: str
    stamps_seed: int | None
    size_pix: int
    initial_weights: str = ""
    contract_version: str = CONTRACT_VERSION


@dataclass(frozen=True)
class Progress:
    """Where training stood: epochs done, and what the best checkpoint so far reached (None before the first)."""

    epochs_done: int
    best_epoch: int | None
    best_value: float | None
    metrics: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Position:
    """Where inside an epoch training stood: batches done, what they added up to over all ranks, each rank's generators.

    ``chance`` is a rank's state of torch's generator on the CPU, and on its GPU where it has one.
    """

    batches_done: int
    loss: float
    weight: float
    corrupt: int
    seconds: float
    waited: float
    chance: tuple[tuple[torch.Tensor, torch.Tensor | None], ...]


@dataclass(frozen=True)
class Checkpoint:
    """A network ready to use, with its settings, preprocessing and origin.

    ``optimiser``, and ``average`` where the settings have one of the weights, only where training may go on; ``position`` only
    where it stood inside an epoch.
    """

    network: LensNetwork
    settings: TrainSettings
    preprocessing: Preprocessing
    origin: Origin
    progress: Progress
    optimiser: dict[str, Any] | None = None
    average: dict[str, Any] | None = None
    position: Position | None = None


def save_checkpoint(path: Location, checkpoint: Checkpoint) -> str:
    """Write the file whole or not at all; returns the first 16 hex digits of its SHA-256."""
    plain = {
        "settings": checkpoint.settings.model_dump(mode="json"),
        "preprocessing": checkpoint.preprocessing.to_plain(),
        "origin": asdict(checkpoint.origin),
        "progress": asdict(checkpoint.progress),
    }
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "model": {name: tensor.detach().cpu() for name, tensor in checkpoint.network.state_dict().items()},
        # Through JSON, because pickle writes equal strings differently where they are one object: a resumed run would differ.
        **json.loads(json.dumps(plain)),
        "optimiser": checkpoint.optimiser,
        "average": checkpoint.average,
        "position": None if checkpoint.position is None else vars(checkpoint.position),
    }
    buffer = io.BytesIO()  # torch writes the file's own name into a file; into a buffer the same content gives the same bytes
    torch.save(content, buffer)
    commit_bytes(path, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()[:16]


def load_checkpoint(path: Location, device: torch.device) -> Checkpoint:
    """Read a checkpoint and build its network on a device.

    Raises InputError for a file that is not one of ours, is of another format version or contract, or whose weights do not
    fit the architecture that it names.
    """
    content = _read(path)
    origin = Origin(**content["origin"])
    known = CONTRACT_VERSION.partition(".")[0]
    if origin.contract_version.partition(".")[0] != known:
        raise InputError(f"{path} was trained on stamps of contract {origin.contract_version}; this code reads {known}.x")
    settings = settings_from(content["settings"], f"in {path}")
    preprocessing = Preprocessing.from_plain(content["preprocessing"])
    network = LensNetwork(settings.network, len(preprocessing.metadata.columns), preprocessing.normalisation.channels)
    try:
        network.load_state_dict(content["model"], strict=True)
    except RuntimeError as error:
        text = " ".join(str(error).split())[:300]
        raise InputError(f"{path}: its weights do not fit {settings.network.backbone!r}, which it names: {text}") from error
    return Checkpoint(
        network.to(device),
        settings,
        preprocessing,
        origin,
        Progress(**content["progress"]),
        content["optimiser"],
        content["average"],
        None if content["position"] is None else Position(**content["position"]),
    )


def checkpoint_hash(path: Location) -> str:
    """First 16 hex digits of the SHA-256 of the file."""
    return size_and_sha256(path)[1][:16]


def _read(path: Location) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; wanted a checkpoint of dhs train, best.pt or last.pt")
    with on_disk(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch asks for a bug report where the file is some other pickle
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
            text = str(error).split("\n", 1)[0][:200]
            raise InputError(f"{path} is not a checkpoint that loads without running code: {text}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        seen = sorted(content)[:6] if isinstance(content, dict) else type(content).__name__
        raise InputError(f"{path} is a torch file with {seen}; wanted a {FORMAT!r} as dhs train writes it")
    if content["format_version"] != FORMAT_VERSION:
        raise InputError(f"{path} is of checkpoint format {content['format_version']}; this code reads {FORMAT_VERSION}")
    return content
