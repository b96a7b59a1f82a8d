"""Scores of one split, one file for each file that was read, each whole or not at all: what stands is not done again.

A stamp is read once for all members of a committee. Of several ranks each takes its share of the files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from tqdm import tqdm

from schemas.contract_files import Provenance, TableWriter, read_table
from schemas.locations import Location, files_below, map_in_order
from schemas.scores import SCORES
from trainer.checkpoint import Checkpoint
from trainer.committee import combined_logits
from trainer.prediction import logits_of
from trainer.ranks import Ranks
from trainer.stamp_catalogue import StampCatalogue
from trainer.stamp_loading import SplitBatches
from trainer.stamp_reader import IdentifiedBatch, StampBatch


@dataclass(frozen=True)
class Member:
    """A network of a committee; ``columns`` are the metadata that are read for all of them."""

    checkpoint: Checkpoint
    digest: str
    columns: tuple[str, ...]

    def logits(self, stamps: StampBatch, device: torch.device) -> npt.NDArray[np.float32]:
        """What it says of each stamp, prepared as in its own training."""
        preprocessing = self.checkpoint.preprocessing
        mine = [self.columns.index(name) for name in preprocessing.metadata.columns]
        return logits_of(self.checkpoint.network, preprocessing, replace(stamps, metadata=stamps.metadata[:, mine]), device)


def score_files(
    members: Sequence[Member],
    catalogue: StampCatalogue,
    split: str,
    out: Location,
    digest: str,
    rule: str,
    provenance: Provenance,
    device: torch.device,
    workers: int | None,
    ranks: Ranks,
) -> None:
    """Write this rank's files of a split that do not stand yet, in the order of what is read."""
    names = [PurePosixPath(path).name for path in catalogue.files]
    place = out / f"split={split}"
    todo = ranks.once(lambda: _lacking(place, names))  # asked once, before anybody writes
    rows = np.bincount(catalogue.group_file, catalogue.group_sizes, len(names))
    mine = shares({n: int(rows[n]) for n in todo}, ranks.size)[ranks.rank]
    forgiven = min(member.checkpoint.settings.data.max_corrupt for member in members)
    data = members[0].checkpoint.settings.data.model_copy(update={"workers": workers, "max_corrupt": forgiven})
    batches = SplitBatches(catalogue, data, pin=device.type == "cuda", files=frozenset(mine))
    for member in members:
        member.checkpoint.network.eval()
    total = int(sum(catalogue.group_sizes[group] for group in batches.groups))
    hidden = None if ranks.first else True
    with tqdm(desc=f"score {split}", total=total, unit="img", unit_scale=True, disable=hidden, leave=False) as bar:
        open_file, writers, files = -1, list[TableWriter](), ExitStack()
        with files:
            for group, batch in zip(batches.groups, batches, strict=True):
                if catalogue.group_file[group] != open_file:
                    files.close()  # the members' files are closed first, so that a file of the committee means all are there
                    open_file = int(catalogue.group_file[group])
                    places = [place / names[open_file]]
                    if len(members) > 1:
                        places += [out / "members" / member.digest / f"split={split}" / names[open_file] for member in members]
                    writers = [files.enter_context(TableWriter(one, SCORES, provenance)) for one in places]
                _score_batch(members, batch, writers, digest, rule, device)
                bar.update(len(batch.stamps.labels))


def shares(rows: Mapping[int, int], size: int) -> list[list[int]]:
    """Files by number, dealt out to ``size`` ranks with about the same rows each: the longest first, to whoever has least."""
    dealt: list[list[int]] = [[] for _ in range(size)]
    loads = [0] * size
    for number in sorted(rows, key=lambda number: (-rows[number], number)):
        least = loads.index(min(loads))
        dealt[least].append(number)
        loads[least] += rows[number]
    return [sorted(numbers) for numbers in dealt]


def unscored(paths: Sequence[Location]) -> int:
    """Rows of scores files that have no score, because their pixels could not be read."""

    def of(path: Location) -> int:
        return int(np.isnan(read_table(path, SCORES, ["logit"])["logit"].to_numpy()).sum())

    return sum(map_in_order(of, paths))


def _lacking(directory: Location, names: Sequence[str]) -> list[int]:
    """Numbers of the files that do not stand, from one listing."""
    standing = {path.name for path in files_below(directory)}
    return [number for number, name in enumerate(names) if name not in standing]


def _score_batch(
    members: Sequence[Member],
    batch: IdentifiedBatch,
    writers: Sequence[TableWriter],
    digest: str,
    rule: str,
    device: torch.device,
) -> None:
    said = np.stack([member.logits(batch.stamps, device) for member in members])
    together = said[0] if len(members) == 1 else combined_logits(said.astype(np.float64), rule)
    for writer, logits, name in zip(writers, [together, *said], [digest, *(member.digest for member in members)], strict=False):
        table = batch.identity.append_column("logit", pa.array(logits, pa.float32()))
        writer.add_batch(table.append_column("checkpoint_hash", pa.array([name] * len(logits), pa.string())))
