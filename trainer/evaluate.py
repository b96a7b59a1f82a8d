"""The job ``dhs evaluate``: the scores table → figures of merit as JSON, split by split.

Layout (no NaN anywhere: what cannot be said is null, and ``why`` says why)::

    {"checkpoint_hash": "…", "code_version": "…", "recipe_hash": "…", "bootstrap": {"draws": 500, "seed": 1},
     "splits": {"test": {
       "n_positive": 0, "n_negative": 0, "n_unknown_label": 0, "n_unscored": 0, "negatives_by_kind": {"control": 0},
       "n_cells": 0, "n_hosts": 0, "interval_unit": "cell" or "host" (where there are fewer than ten cells) or null,
       "auc": {"value": 0.9, "low": 0.8, "high": 0.95} or null,
       "why": null or the reason why there is no AUC,
       "tpr_at_fpr": [{"fpr": 0.01, "tpr": …, "low": …, "high": …, "threshold": logit, "n_negative": …,
                       "expected_false_positives": …, "supported": true where at least 10 are expected}],
       "roc": {"fpr": […], "tpr": […]}}}}

``low`` and ``high`` are null where there are fewer than two units to draw from. ``threshold`` is the lowest logit that counts
as found, null where nothing may be found at that rate.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.code_version import code_version
from schemas.contract_files import read_table
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.run_record import read_run, run_files
from schemas.scores import SCORES

if TYPE_CHECKING:
    from trainer.metrics import Interval, RateAtFpr

EXAMPLE = """\
example:
  dhs evaluate --scores scores --out metrics.json

AUC and the share of lenses found at a false positive rate of 1 % and 0.1 %, each with a 95 % interval from a bootstrap over
sky cells. A rate that fewer than 10 negatives would stand behind is marked as not supported.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs evaluate``."""
    parser = argparse.ArgumentParser(
        prog="dhs evaluate",
        description="Figures of merit of a scored split, with intervals and the number of objects behind each.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scores", type=Path, required=True, help="scores directory that dhs score has finished")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write; one that stands is replaced")
    parser.add_argument("--draws", type=int, default=500, help="bootstrap draws behind each interval (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the bootstrap (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the figures and say the first of them."""
    args = build_parser().parse_args(argv)
    if args.draws < 1 or args.seed < 0:
        raise InputError(f"--draws {args.draws} --seed {args.seed}; wanted at least one draw and a seed that is not negative")
    record = read_run(args.scores)
    files = run_files(args.scores, SCORES)
    if not files:
        raise InputError(f"{args.scores} is a finished run without scores; wanted at least one split")
    tables = [read_table(path, SCORES) for path in files]
    rows = pa.concat_tables(tables)
    present = rows["split"].unique().to_pylist()
    splits = {name: evaluate_split(rows.filter(pc.equal(rows["split"], name)), args.draws, args.seed) for name in present}
    content = {
        "checkpoint_hash": record.get("checkpoint_hash"),
        "code_version": code_version("schemas", "trainer"),
        "recipe_hash": record.get("recipe_hash"),
        "bootstrap": {"draws": args.draws, "seed": args.seed},
        "splits": splits,
    }
    _write(args.out, content)
    account("evaluate", "; ".join(f"{name}: {_sentence(figures)}" for name, figures in splits.items()) + f"; {args.out}")
    return EXIT_DONE


def evaluate_split(rows: pa.Table, draws: int, seed: int) -> dict[str, Any]:
    """The figures of one split, laid out as the first lines of this file say; ``rows`` follow the scores contract."""
    from trainer.metrics import bootstrap_units, rates_and_intervals, thinned_curve

    logits, labels = rows["logit"].to_numpy().astype(np.float64), rows["label"].to_numpy().astype(np.int64)
    used = np.isfinite(logits) & np.isin(labels, (0, 1))
    cells, hosts = rows["cell"].to_numpy()[used], _numbered(rows["host_id"])[used]
    figures = _counts(rows, logits, labels, used) | {"n_cells": len(np.unique(cells)), "n_hosts": len(np.unique(hosts))}
    if not (figures["n_positive"] and figures["n_negative"]):
        why = f"{figures['n_positive']} lenses and {figures['n_negative']} negatives; wanted some of both"
        return figures | {"interval_unit": None, "auc": None, "why": why, "tpr_at_fpr": [], "roc": {"fpr": [], "tpr": []}}
    units, unit = bootstrap_units(cells, hosts)
    auc, rates = rates_and_intervals(logits[used], labels[used], units, draws=draws, seed=seed)
    fpr, tpr = thinned_curve(logits[used], labels[used])
    return figures | {
        "interval_unit": unit,
        "auc": _interval(auc, "value"),
        "why": None,
        "tpr_at_fpr": [_rate(rate) for rate in rates],
        "roc": {"fpr": fpr.tolist(), "tpr": tpr.tolist()},
    }


def _counts(rows: pa.Table, logits: Any, labels: Any, used: Any) -> dict[str, Any]:
    kinds, numbers = np.unique(rows["kind"].to_numpy()[used & (labels == 0)].astype(str), return_counts=True)
    return {
        "n_positive": int((labels[used] == 1).sum()),
        "n_negative": int((labels[used] == 0).sum()),
        "n_unknown_label": int((~np.isin(labels, (0, 1))).sum()),
        "n_unscored": int((~np.isfinite(logits)).sum()),
        "negatives_by_kind": dict(zip(kinds.tolist(), numbers.tolist(), strict=True)),
    }


def _rate(rate: RateAtFpr) -> dict[str, Any]:
    return {
        "fpr": rate.fpr,
        **_interval(rate.rate, "tpr"),
        "threshold": _finite(rate.threshold),
        "n_negative": rate.n_negative,
        "expected_false_positives": rate.expected_false_positives,
        "supported": rate.supported,
    }


def _interval(interval: Interval, name: str) -> dict[str, float | None]:
    return {name: interval.value, "low": _finite(interval.low), "high": _finite(interval.high)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _numbered(names: pa.ChunkedArray) -> Any:
    return names.combine_chunks().dictionary_encode().indices.to_numpy()


def _sentence(figures: dict[str, Any]) -> str:
    if figures["auc"] is None:
        return f"no AUC ({figures['why']})"
    auc, first = figures["auc"], figures["tpr_at_fpr"][0]
    ends = "" if auc["low"] is None else f" ({auc['low']:.3f} to {auc['high']:.3f})"
    note = "" if first["supported"] else ", not supported"
    return (
        f"AUC {auc['value']:.3f}{ends}, TPR {first['tpr']:.3f} at FPR {first['fpr']:g}{note}, "
        f"{figures['n_positive']} lenses, {figures['n_negative']} negatives"
    )


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    unfinished.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    os.replace(unfinished, path)


if __name__ == "__main__":
    raise SystemExit(run_job("evaluate", main))
