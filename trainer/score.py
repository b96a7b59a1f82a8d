"""The job ``dhs score``: stamps or cutouts and one or several checkpoints → the scores table, one file for each that was read.

Preparation of pixels and metadata comes from each checkpoint alone, through the function that training used.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from schemas.code_version import code_version
from schemas.contract_files import Provenance
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, files_below, location
from schemas.run_record import FINISHED_NAME, RunIdentity, RunState, begin_run, finish_run
from schemas.split_rule import SPLITS
from trainer.committee import DEFAULT_RULE, RULES, committee_hash
from trainer.thread_waiting import wait_asleep

if TYPE_CHECKING:
    import torch

    from trainer.ranks import Ranks
    from trainer.scored_files import Member
    from trainer.stamp_catalogue import StampCatalogue

EXAMPLE = f"""\
examples:
  dhs score --stamps stamps --checkpoint training/best.pt --out scores
  dhs score --stamps stamps --checkpoint training/best.pt --out scores --split val test --device cpu
  dhs score --cutouts cutouts --checkpoint a/best.pt b/best.pt c/best.pt --combine mean-probability --out scores
  torchrun --nproc-per-node 4 -m trainer.score --cutouts cutouts --checkpoint training/best.pt --out scores

Several checkpoints are a committee: each stamp is read once, its scores are combined ({", ".join(RULES)};
default {DEFAULT_RULE}), and each member's own lie below members/, a finished run each. Cutouts are real galaxies: split
parent, label unknown. The same command again skips files that stand. Refused rows have no pixels and get no score; a stamp
that cannot be decoded keeps its row with a logit of NaN, and more of them than data.max_corrupt stop the run.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs score``."""
    parser = argparse.ArgumentParser(
        prog="dhs score",
        description="Score every usable stamp or cutout with one trained network, or a committee of several.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--stamps", type=location, help="stamps directory that dhs inject has finished")
    what.add_argument("--cutouts", type=location, help="cutouts directory that dhs cut-hosts has finished")
    parser.add_argument("--checkpoint", type=location, nargs="+", required=True, help="best.pt of dhs train, one or several")
    parser.add_argument("--combine", choices=RULES, default=DEFAULT_RULE, help="rule of a committee (default: %(default)s)")
    parser.add_argument("--out", type=location, required=True, help="directory for split=<name>/ and the run's record")
    parser.add_argument("--split", nargs="+", choices=SPLITS, help="splits of the stamps to score (default: test)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--workers", type=int, help="reading processes; 0 reads in line (default: by cores)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Score the files that have not been scored yet."""
    args = build_parser().parse_args(argv)
    if args.cutouts is not None and args.split:
        raise InputError("--split was given with --cutouts, which have no splits; wanted it with --stamps only")
    wait_asleep()
    from trainer.devices import choose_device
    from trainer.ranks import joined_ranks

    device = choose_device(args.device)
    with joined_ranks(device) as ranks:
        return _score(args, device, ranks)


def _score(args: argparse.Namespace, device: torch.device, ranks: Ranks) -> int:
    """What each rank does: its share of the files; the first alone begins and ends the run."""
    from trainer.scored_files import score_files
    from trainer.stamp_catalogue import stamps_origin

    source = args.stamps if args.cutouts is None else args.cutouts
    members = load_members(args.checkpoint, device)
    catalogues = _catalogues(args, members)
    origin = stamps_origin(source)
    digest = committee_hash([member.digest for member in members], args.combine)
    identity = _identity(source, [member.digest for member in members], list(catalogues), origin, args.combine)
    state = ranks.once(lambda: _begin(args.out, identity, members, origin, source, list(catalogues)))
    if state is RunState.FINISHED:
        if ranks.first:
            account("score", f"{args.out} holds this run, finished; nothing to do")
        return EXIT_DONE
    provenance = Provenance(identity.code_version, identity.recipe_hash, identity.run_seed, str(origin["recipe_name"] or ""))
    for split, catalogue in catalogues.items():
        score_files(members, catalogue, split, args.out, digest, args.combine, provenance, device, args.workers, ranks)
    ranks.gather(None)  # nobody goes on before all have written their files
    if ranks.first:
        _finish(args, identity, members, catalogues, digest, origin)
    return EXIT_DONE


def load_members(paths: Sequence[Location], device: torch.device) -> list[Member]:
    """The networks of a committee in the order of their hashes; raises InputError where two differ in size or are the same."""
    from trainer.checkpoint import checkpoint_hash, load_checkpoint
    from trainer.scored_files import Member

    loaded = {checkpoint_hash(path): load_checkpoint(path, device) for path in paths}
    if len(loaded) < len(paths):
        raise InputError(f"{len(paths)} checkpoints were given, {len(loaded)} of them different; wanted each once")
    sizes = {checkpoint.origin.size_pix for checkpoint in loaded.values()}
    if len(sizes) > 1:
        raise InputError(
            f"the checkpoints were trained on stamps of {', '.join(map(str, sorted(sizes)))} pixels; wanted one size"
        )
    columns = _union(checkpoint.preprocessing.metadata.columns for checkpoint in loaded.values())
    return [Member(checkpoint, digest, columns) for digest, checkpoint in sorted(loaded.items())]


def require_trained_size(stamps: Location, split: str, members: Sequence[Member]) -> None:
    """Raise InputError where the stamps of a split are of another size than the networks were trained on."""
    from trainer.stamp_catalogue import load_catalogue

    size, trained_on = load_catalogue(stamps, split, ()).size_pix, members[0].checkpoint.origin.size_pix
    if size != trained_on:
        raise InputError(f"{stamps} holds stamps of {size} pixels; the checkpoint was trained on {trained_on}")


def _union(several: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for columns in several for name in columns))


def _catalogues(args: argparse.Namespace, members: Sequence[Member]) -> dict[str, StampCatalogue]:
    """What is to be scored by split; raises InputError where it is of another size than the networks know."""
    from trainer.cutout_catalogue import load_cutouts
    from trainer.stamp_catalogue import load_catalogue
    from trainer.stamp_sources import PARENT_SPLIT

    columns = members[0].columns
    if args.cutouts is not None:
        found = {PARENT_SPLIT: load_cutouts(args.cutouts, columns)}
    else:
        wanted = args.split or ["test"]
        found = {split: load_catalogue(args.stamps, split, columns) for split in SPLITS if split in wanted}
    trained_on = members[0].checkpoint.origin.size_pix
    for catalogue in found.values():
        if catalogue.size_pix != trained_on:
            place = args.stamps if args.cutouts is None else args.cutouts
            mend = "" if args.cutouts is None else f". Cut them with dhs cut-hosts --size {trained_on}"
            raise InputError(
                f"{place} holds {catalogue.source} of {catalogue.size_pix} pixels; "
                f"the checkpoint was trained on {trained_on}{mend}"
            )
    return found


def _begin(
    out: Location, identity: RunIdentity, members: Sequence[Member], origin: dict[str, Any], source: Location, splits: list[str]
) -> RunState:
    state = begin_run(out, identity)
    if len(members) > 1:
        for member in members:
            begin_run(out / "members" / member.digest, _identity(source, [member.digest], splits, origin, DEFAULT_RULE))
    return state


def _finish(
    args: argparse.Namespace,
    identity: RunIdentity,
    members: Sequence[Member],
    catalogues: dict[str, StampCatalogue],
    digest: str,
    origin: dict[str, Any],
) -> None:
    """Write the record, those of the members first, and say what was done."""
    from trainer.scored_files import unscored

    refused = sum(catalogue.refused for catalogue in catalogues.values())
    source = args.stamps if args.cutouts is None else args.cutouts

    def finished(place: Location, of: RunIdentity, whose: str) -> dict[str, Any]:
        files = _files(place, catalogues)
        return finish_run(place, of, files, {"refused": refused, "unscored": unscored(files)}, {"checkpoint_hash": whose})

    if len(members) > 1:
        for member in members:
            alone = _identity(source, [member.digest], list(catalogues), origin, DEFAULT_RULE)
            finished(args.out / "members" / member.digest, alone, member.digest)
    record = finished(args.out, identity, digest)
    by = f"{digest}, {args.combine} of {len(members)} networks" if len(members) > 1 else digest
    things = "stamps" if args.cutouts is None else "cutouts"
    account(
        "score",
        f"{record['rows']} {things} of {', '.join(catalogues)} scored by {by}, {_training(args, members, origin)}; "
        f"{record['counts']['unscored']} without a score; {refused} refused rows have no pixels",
    )


def _training(args: argparse.Namespace, members: Sequence[Member], origin: dict[str, Any]) -> str:
    """What the networks were trained on, and whether the stamps are of another recipe, which is allowed."""
    trained = {member.checkpoint.origin.recipe_hash: member.checkpoint.origin.recipe_name for member in members}
    words = "trained on " + ", ".join(sorted(name or "an unnamed recipe" for name in trained.values()))
    if args.cutouts is not None or set(trained) == {origin["recipe_hash"] or ""}:
        return words
    return f"{words} (the stamps are of another recipe, {origin['recipe_name'] or 'unnamed'} {origin['recipe_hash']})"


def _files(directory: Location, catalogues: dict[str, StampCatalogue]) -> list[Location]:
    return [path for split in catalogues for path in files_below(directory / f"split={split}") if path.suffix == ".parquet"]


def _identity(
    source: Location, digests: Sequence[str], splits: Sequence[str], origin: dict[str, Any], rule: str
) -> RunIdentity:
    record = hashlib.sha256((source / FINISHED_NAME).read_bytes()).hexdigest()[:16]
    settings: dict[str, Any] = {"checkpoints": list(digests), "splits": list(splits), "source_record": record}
    if len(digests) > 1:
        settings["combine"] = rule
    return RunIdentity(
        "score", code_version("schemas", "trainer"), str(origin["recipe_hash"] or ""), origin["run_seed"], settings
    )


if __name__ == "__main__":
    raise SystemExit(run_job("score", main))
