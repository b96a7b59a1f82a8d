"""The job ``dhs train``: a stamps directory and settings → a checkpoint directory.

``--out`` gets ``best.pt`` (for scoring), ``last.pt`` (to go on from), ``log.jsonl`` (one line an epoch) and the run's record.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from schemas.code_version import code_version
from schemas.job_entry import EXIT_DONE, EXIT_STOPPED, InputError, account, run_job
from schemas.locations import Location, location
from schemas.run_record import FINISHED_NAME, RunIdentity, RunState, begin_run, finish_run_of_files
from trainer.thread_waiting import wait_asleep
from trainer.train_settings import DEFAULT_SETTINGS, BackboneName, TrainSettings, load_settings, named_settings
from trainer.training_log import LOG_NAME, events_folder

if TYPE_CHECKING:
    import torch

    from trainer.checkpoint import Checkpoint, Origin
    from trainer.ranks import Ranks
    from trainer.sample_order import OrderPlan
    from trainer.stamp_catalogue import StampCatalogue
    from trainer.stamp_loading import SplitBatches, TrainingBatches

EXAMPLE = """\
examples:
  dhs train --stamps stamps --out checkpoints --settings demo
  dhs train --stamps stamps --out checkpoints --settings my.yaml --epochs 40 --device cuda:1
  torchrun --nproc-per-node 4 -m trainer.train --stamps stamps --out checkpoints

Several processes share each batch, and end where one would. SIGTERM, or Ctrl-C once, saves after the step and stops. The same
command again goes on from the last saved step, and ends with the same weights as an uninterrupted run.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs train``."""
    parser = argparse.ArgumentParser(
        prog="dhs train",
        description="Train a network to tell lenses from other galaxies on the stamps of a finished inject run.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stamps", type=location, required=True, help="stamps directory that dhs inject has finished")
    parser.add_argument("--out", type=location, required=True, help="directory for best.pt, last.pt and log.jsonl")
    parser.add_argument(
        "--settings",
        default=DEFAULT_SETTINGS,
        help=f"YAML file, or one of {', '.join(named_settings())} (default: %(default)s); the flags below override its entries",
    )
    parser.add_argument("--epochs", type=int, help="passes over the training stamps (optimisation.epochs)")
    parser.add_argument("--batch-size", type=int, help="stamps a step, a multiple of data.lanes (optimisation.batch_size)")
    parser.add_argument("--learning-rate", type=float, help="peak learning rate (optimisation.learning_rate)")
    parser.add_argument("--seed", type=int, help="seed of weights, order and orientations (seed)")
    parser.add_argument("--backbone", help=f"one of {', '.join(get_args(BackboneName))} (network.backbone)")
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N (device)")
    parser.add_argument("--workers", type=int, help="reading processes; 0 reads in line (data.workers)")
    parser.add_argument("--tensorboard", action="store_true", help="write events for TensorBoard, below --out on disk")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Train, or go on training, or say that it has been done."""
    args = build_parser().parse_args(argv)
    if args.tensorboard:
        events_folder(args.out)
    wait_asleep()
    settings = load_settings(args.settings, _overrides(args))
    from trainer.devices import choose_device
    from trainer.ranks import joined_ranks

    device = choose_device(settings.device)
    with joined_ranks(device) as ranks:
        return _train(args, settings, device, ranks)


def _train(args: argparse.Namespace, settings: TrainSettings, device: torch.device, ranks: Ranks) -> int:
    """What each rank does: the first alone begins the run, writes, and says how it went."""
    from trainer.checkpoint import BEST_NAME, LAST_NAME, checkpoint_hash
    from trainer.initial_weights import weights_identity
    from trainer.stamp_catalogue import load_catalogue
    from trainer.training_loop import fit

    columns, data = settings.metadata_columns, settings.data
    training = load_catalogue(args.stamps, "train", columns, measure=True, select=data.select, pairs=data.pairs)
    validation = load_catalogue(args.stamps, "val", columns, select=data.select)
    check_splits(training, validation, settings)
    batches = checked_batches(training, validation, settings, ranks, pin=device.type == "cuda")
    origin = _origin(args.stamps, training, weights_identity(settings.network))
    identity = _identity(args.stamps, settings, origin)
    if ranks.once(lambda: begin_run(args.out, identity)) is RunState.FINISHED:
        if ranks.first:
            account("train", f"{args.out} holds this run, finished; nothing to do")
        return EXIT_DONE
    start = starting_point(args.out, settings, training, origin, device)
    outcome = fit(start, *batches, device, args.out, ranks=ranks, tensorboard=args.tensorboard)
    done = outcome.progress
    if outcome.stopped and ranks.first:
        account("train", f"stopped in epoch {done.epochs_done + 1}, saved; the same command goes on from there")
    if outcome.stopped or not ranks.first:
        return EXIT_STOPPED if outcome.stopped else EXIT_DONE
    best = checkpoint_hash(args.out / BEST_NAME)
    files = {args.out / BEST_NAME: 0, args.out / LAST_NAME: 0, args.out / LOG_NAME: done.epochs_done}
    counts = {"train": training.samples, "val": validation.samples, "refused": training.refused + validation.refused}
    counts["dropped"] = training.dropped + validation.dropped
    header = {"best_checkpoint": best, "best_epoch": done.best_epoch, "best_value": done.best_value}
    finish_run_of_files(args.out, identity, files, counts, header)
    account(
        "train",
        f"{training.samples} stamps{_dropped(training)}, {done.epochs_done} epochs on {ranks.size} x {device.type}; best "
        f"{settings.optimisation.best_by} {done.best_value:.4f} at epoch {done.best_epoch}; {args.out / BEST_NAME} is {best}",
    )
    return EXIT_DONE


def check_splits(training: StampCatalogue, validation: StampCatalogue, settings: TrainSettings) -> None:
    """Raise InputError where the splits cannot carry a training with these settings."""
    for split, catalogue in (("train", training), ("val", validation)):
        lenses, others = catalogue.count(1), catalogue.count(0)
        needs_both = split == "train" or settings.optimisation.best_by != "val_loss"
        if needs_both and not (lenses and others):
            raise InputError(f"split {split!r} has {lenses} lenses and {others} negatives; wanted some of both")
        if lenses + others != catalogue.samples:
            raise InputError(f"split {split!r} has {catalogue.samples - lenses - others} stamps whose label is not 0 or 1")
    strange = sorted(set(settings.data.select.kinds or ()) - {*training.kinds, *validation.kinds})
    if strange:
        raise InputError(f"data.select.kinds names {', '.join(strange)}; the stamps are of kind {', '.join(training.kinds)}")
    smallest = 8 * settings.network.stem_stride  # the stages after the stem halve the size three times
    if training.size_pix < smallest:
        raise InputError(
            f"stamps of {training.size_pix} pixels are too small for network.stem_stride {settings.network.stem_stride}; "
            f"wanted at least {smallest} pixels"
        )
    if training.size_pix != validation.size_pix:
        raise InputError(f"training stamps have {training.size_pix} pixels and validation stamps {validation.size_pix}")


def starting_point(
    out: Location, settings: TrainSettings, training: StampCatalogue, origin: Origin, device: torch.device
) -> Checkpoint:
    """The last checkpoint of an unfinished run, or a fresh network seeded by the settings."""
    import torch

    from trainer.checkpoint import LAST_NAME, Checkpoint, Progress, load_checkpoint
    from trainer.initial_weights import start_from_weights
    from trainer.lens_network import LensNetwork
    from trainer.preprocessing import Preprocessing

    if (out / LAST_NAME).exists():
        return replace(load_checkpoint(out / LAST_NAME, device), settings=settings)  # how often to save may have changed
    if training.metadata_statistics is None:
        raise ValueError("the training catalogue was loaded without measuring its metadata")
    torch.manual_seed(settings.seed)
    network = LensNetwork(settings.network, len(settings.metadata_columns), settings.normalisation.channels)
    start_from_weights(network.backbone, settings.network)
    network.to(device)
    preprocessing = Preprocessing(settings.normalisation, training.metadata_statistics)
    return Checkpoint(network, settings, preprocessing, origin, Progress(0, None, None))


def order_plan(training: StampCatalogue, settings: TrainSettings) -> OrderPlan:
    """What fixes the order of the training stamps; raises InputError where the mix asks for a kind that is not there."""
    from trainer.sample_order import OrderPlan
    from trainer.sample_units import make_units

    data, units = settings.data, None
    if data.pairs or data.mix:
        units = make_units(training.kind, training.kinds, training.partner, data.mix)
    batch = settings.optimisation.batch_size
    return OrderPlan(training.group_sizes, data.lanes, batch, data.shuffle_groups, settings.seed, units)


def _dropped(training: StampCatalogue) -> str:
    return f" ({training.dropped} more did not pass data.select)" if training.dropped else ""


def checked_batches(
    training: StampCatalogue,
    validation: StampCatalogue,
    settings: TrainSettings,
    ranks: Ranks | None = None,
    *,
    pin: bool = False,
) -> tuple[TrainingBatches, SplitBatches]:
    """The batches of both splits for this rank; raises InputError where a batch is larger than an epoch."""
    from trainer.ranks import Ranks
    from trainer.stamp_loading import SplitBatches, TrainingBatches

    data, plan, ranks = settings.data, order_plan(training, settings), ranks or Ranks()
    if settings.optimisation.batch_size > plan.samples:
        raise InputError(
            f"a batch of {settings.optimisation.batch_size} was asked for; an epoch has {plan.samples} stamps. "
            f"Wanted --batch-size at most that, and a multiple of {data.lanes}"
        )
    return (
        TrainingBatches(training, plan, data, pin=pin, rank=ranks.rank, world_size=ranks.size),
        SplitBatches(validation, data, pin=pin, rank=ranks.rank, world_size=ranks.size),
    )


def _origin(stamps: Location, training: StampCatalogue, initial_weights: str) -> Origin:
    from trainer.checkpoint import Origin
    from trainer.stamp_catalogue import stamps_origin

    made = stamps_origin(stamps)
    return Origin(
        code_version=code_version("schemas", "trainer"),
        recipe_hash=str(made["recipe_hash"] or ""),
        recipe_name=str(made["recipe_name"] or ""),
        stamps_seed=made["run_seed"],
        size_pix=training.size_pix,
        initial_weights=initial_weights,
    )


def _identity(stamps: Location, settings: TrainSettings, origin: Origin) -> RunIdentity:
    record = hashlib.sha256((stamps / FINISHED_NAME).read_bytes()).hexdigest()[:16]
    content = {"stamps_record": record, "initial_weights": origin.initial_weights, **settings.identity()}
    return RunIdentity("train", origin.code_version, origin.recipe_hash, settings.seed, content)


def _overrides(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "optimisation.epochs": args.epochs,
        "optimisation.batch_size": args.batch_size,
        "optimisation.learning_rate": args.learning_rate,
        "network.backbone": args.backbone,
        "data.workers": args.workers,
        "seed": args.seed,
        "device": args.device,
    }


if __name__ == "__main__":
    raise SystemExit(run_job("train", main))
