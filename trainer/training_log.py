"""What a run says while it goes: one JSON line an epoch, and the same figures for TensorBoard where that is asked for.

Where a run goes on from a saved epoch, lines of later epochs are dropped, so that each epoch is told once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.file_commit import commit_text
from schemas.job_entry import InputError
from schemas.locations import Location

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG_NAME = "log.jsonl"
TENSORBOARD_NAME = "tensorboard"


class TrainingLog:
    """Writes ``log.jsonl`` of a directory, from ``epochs_done`` on; ``tensorboard`` writes events beside it too.

    Raises InputError where TensorBoard is asked for and not installed, or ``out`` is not on disk.
    """

    def __init__(self, out: Location, epochs_done: int, *, tensorboard: bool = False) -> None:
        self._path = out / LOG_NAME
        self._events = _writer(events_folder(out), epochs_done) if tensorboard else None
        told = self._path.read_text().splitlines() if self._path.exists() else []
        self._lines = [line for line in told if line and json.loads(line)["epoch"] <= epochs_done]

    def add(self, line: Mapping[str, Any]) -> None:
        """The figures of an epoch."""
        self._lines.append(json.dumps(line))
        commit_text(self._path, "".join(f"{one}\n" for one in self._lines))
        if self._events is not None:
            for name, value in line.items():
                if name != "epoch" and value is not None:
                    self._events.add_scalar(name, float(value), line["epoch"])
            self._events.flush()

    def close(self) -> None:
        """Close what is open."""
        if self._events is not None:
            self._events.close()


def events_folder(out: Location) -> Path:
    """Where TensorBoard's events go; raises InputError for an ``out`` in S3."""
    folder = out / TENSORBOARD_NAME
    if not isinstance(folder, Path):
        raise InputError(f"--tensorboard was asked for with {folder}; its events are appended to: wanted an --out on disk")
    return folder


def _writer(folder: Path, epochs_done: int) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "--tensorboard was asked for and TensorBoard is not installed; try: pip install tensorboard"
        ) from error
    return SummaryWriter(folder, purge_step=epochs_done + 1)
