"""The job ``dhs score``: stamps and a checkpoint → the scores table, one file a split.

Preparation of pixels and metadata comes from the checkpoint alone, through the function that training used.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from schemas.code_version import code_version
from schemas.contract_files import Provenance, TableWriter
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.run_record import FINISHED_NAME, RunIdentity, RunState, begin_run, finish_run
from schemas.scores import SCORES
from schemas.split_rule import SPLITS
from trainer.thread_waiting import wait_asleep

if TYPE_CHECKING:
    import torch

    from trainer.checkpoint import Checkpoint
    from trainer.stamp_catalogue import StampCatalogue

EXAMPLE = """\
examples:
  dhs score --stamps stamps --checkpoint checkpoints/best.pt --out scores
  dhs score --stamps stamps --checkpoint checkpoints/best.pt --out scores --split val test --device cpu

The same command again skips splits that stand. Refused rows have no pixels and get no score; a stamp that cannot be decoded
keeps its row with a logit of NaN.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs score``."""
    parser = argparse.ArgumentParser(
        prog="dhs score",
        description="Score every usable stamp of a finished inject run with a trained network.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stamps", type=Path, required=True, help="stamps directory that dhs inject has finished")
    parser.add_argument("--checkpoint", type=Path, required=True, help="best.pt of dhs train")
    parser.add_argument("--out", type=Path, required=True, help="directory for split-<name>.parquet and the run's record")
    parser.add_argument("--split", nargs="+", default=["test"], choices=SPLITS, help="splits to score (default: test)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--workers", type=int, help="reading processes; 0 reads in line (default: by cores)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Score the splits that have not been scored yet."""
    args = build_parser().parse_args(argv)
    wait_asleep()
    from trainer.checkpoint import checkpoint_hash, load_checkpoint
    from trainer.devices import choose_device
    from trainer.stamp_catalogue import stamps_origin

    device = choose_device(args.device)
    checkpoint, digest = load_checkpoint(args.checkpoint, device), checkpoint_hash(args.checkpoint)
    splits = [split for split in SPLITS if split in args.split]
    catalogues = {split: _catalogue(args.stamps, split, checkpoint) for split in splits}
    origin = stamps_origin(args.stamps)
    identity = _identity(args.stamps, digest, splits, origin)
    if begin_run(args.out, identity) is RunState.FINISHED:
        account("score", f"{args.out} holds this run, finished; nothing to do")
        return EXIT_DONE
    paths = {split: args.out / f"split-{split}.parquet" for split in splits}
    provenance = Provenance(identity.code_version, identity.recipe_hash, identity.run_seed, str(origin["recipe_name"] or ""))
    for split in splits:
        if not paths[split].exists():
            score_split(checkpoint, catalogues[split], paths[split], digest, provenance, device, args.workers)
    refused = sum(catalogue.refused for catalogue in catalogues.values())
    record = finish_run(args.out, identity, list(paths.values()), {"refused": refused}, {"checkpoint_hash": digest})
    account(
        "score",
        f"{record['rows']} stamps of {', '.join(splits)} scored by {digest} on {device}; {refused} refused rows have no stamp",
    )
    return EXIT_DONE


def score_split(
    checkpoint: Checkpoint,
    catalogue: StampCatalogue,
    path: Path,
    digest: str,
    provenance: Provenance,
    device: torch.device,
    workers: int | None = None,
) -> None:
    """Write the scores of one split, row group by row group, in the order of the stamps files."""
    from trainer.prediction import predict
    from trainer.stamp_loading import SplitBatches

    data = checkpoint.settings.data.model_copy(update={"workers": workers})
    batches = SplitBatches(catalogue, data, pin=device.type == "cuda")
    with TableWriter(path, SCORES, provenance) as writer:
        for part in predict(checkpoint.network, checkpoint.preprocessing, batches, device, f"score {path.stem}"):
            table = part.identity.append_column("logit", pa.array(part.logits, pa.float32()))
            hashes = pa.array(np.full(len(part.logits), digest), pa.string())
            writer.add_batch(table.append_column("checkpoint_hash", hashes))


def _catalogue(stamps: Path, split: str, checkpoint: Checkpoint) -> StampCatalogue:
    from trainer.stamp_catalogue import load_catalogue

    catalogue = load_catalogue(stamps, split, checkpoint.preprocessing.metadata.columns)
    if catalogue.size_pix != checkpoint.origin.size_pix:
        raise InputError(
            f"{stamps} holds stamps of {catalogue.size_pix} pixels; the checkpoint was trained on {checkpoint.origin.size_pix}"
        )
    return catalogue


def _identity(stamps: Path, digest: str, splits: Sequence[str], origin: dict[str, Any]) -> RunIdentity:
    record = hashlib.sha256((stamps / FINISHED_NAME).read_bytes()).hexdigest()[:16]
    settings = {"checkpoint_hash": digest, "splits": list(splits), "stamps_record": record}
    return RunIdentity(
        "score", code_version("schemas", "trainer"), str(origin["recipe_hash"] or ""), origin["run_seed"], settings
    )


if __name__ == "__main__":
    raise SystemExit(run_job("score", main))
