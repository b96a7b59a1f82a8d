"""The completeness that a report shows: the table of a finished run, held against the stamps and the scores of the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.completeness import COMPLETENESS
from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import read_run, run_files
from trainer.completeness_maps import EDGES, FEWEST_IN_BIN, share_columns
from trainer.figures_canvas import Drawing
from trainer.figures_completeness import MAPS, completeness_map, profile
from trainer.matching_runs import record_hash, require_same

ABSENT = (
    "No completeness was given. dhs completeness measures it from scores and stamps; then --completeness with its directory "
    "shows it here."
)
_DENOMINATORS = (("offered", "lenses offered"), ("rendered", "stamps rendered"), ("drawn", "all drawn rows"))


@dataclass(frozen=True)
class CompletenessRun:
    """Bins of a finished run (rows of the COMPLETENESS contract), its counts, and the threshold that was frozen."""

    split: str
    bins: list[dict[str, Any]]
    counts: Mapping[str, int]
    threshold: float
    supported: bool


def read_completeness(place: Location, stamps: Location, record: Mapping[str, Any], scores: Location | None) -> CompletenessRun:
    """Raises RunError where the run is not finished, InputError where it is of other stamps or other scores."""
    run = read_run(place)
    settings = run.get("settings", {})
    wanted = "the completeness of these stamps"
    for key in ("recipe_hash", "run_seed"):
        require_same(key, place, run.get(key), stamps, record.get(key), wanted)
    require_same("stamps with record", place, settings.get("stamps_record"), stamps, record_hash(stamps), wanted)
    if scores is not None:
        seen, known = settings.get("scores_record"), record_hash(scores)
        require_same("scores with record", place, seen, scores, known, "the completeness of these scores")
    bins = [row for path in run_files(place, COMPLETENESS) for row in read_table(path, COMPLETENESS).to_pylist()]
    if not bins:
        raise InputError(f"{place} holds no bin; wanted a directory that dhs completeness filled")
    supported = bool(run.get("threshold_supported"))
    return CompletenessRun(bins[0]["split"], bins, run["counts"], bins[0]["threshold"], supported)


def completeness_content(run: CompletenessRun) -> dict[str, Any]:
    """What the section's template needs; a figure whose bins are all empty is left out."""
    filled = [row for row in run.bins if row["x_low"] is not None and row["n_offered"]]
    lines = {row["x_axis"] for row in filled if row["y_axis"] is None}
    planes = {frozenset((row["x_axis"], row["y_axis"])) for row in filled if row["y_axis"] is not None}
    return {
        "split": run.split,
        "threshold": f"{run.threshold:.4g}",
        "supported": run.supported,
        "fewest": FEWEST_IN_BIN,
        "totals": [(words, run.counts[name], run.counts["found"], _share(run, name)) for name, words in _DENOMINATORS],
        "maps": [completeness_map(run.bins, *axes) for axes in MAPS if frozenset(axes) in planes],
        "profiles": _profiles(run, lines),
    }


def _profiles(run: CompletenessRun, lines: set[str]) -> list[Drawing]:
    return [profile(run.bins, name) for name in EDGES if name in lines]


def _share(run: CompletenessRun, name: str) -> str:
    found = share_columns("s", run.counts["found"], run.counts[name])
    if found["s"] is None:
        return f"fewer than {FEWEST_IN_BIN}"
    return f"{found['s']:.3f} ({found['s_low']:.3f} to {found['s_high']:.3f})"
