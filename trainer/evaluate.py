"""The job ``dhs evaluate``: the scores table → figures of merit as JSON, split by split.

Layout (no NaN anywhere: what cannot be said is null, and a ``why`` beside it says why). INTERVAL stands for
``{"value": …, "low": …, "high": …}``, 95 %; its ends are null where there are fewer than two units to draw from::

    {"checkpoint_hash": "…", "code_version": "…", "recipe_hash": "…", "bootstrap": {"draws": 500, "seed": 1},
     "temperature": {"value": T or null, "low": …, "high": …, "fitted_on": "val", "why": null or why there is none},
     "splits": {"test": {
       "n_positive": 0, "n_negative": 0, "n_unknown_label": 0, "n_unscored": 0, "negatives_by_kind": {"control": 0},
       "n_distinct_negative": negatives with different pixels, "prevalence": share of lenses among the scored,
       "n_cells": 0, "n_hosts": 0, "interval_unit": "cell" or "host" (where there are fewer than ten cells) or null,
       "auc": INTERVAL or null, "why": null or the reason why there is no AUC (then there is none of what follows either),
       "tpr_at_fpr": [{"fpr": 0.01, "tpr": …, "low": …, "high": …, "threshold": logit, "fpr_found": …, "n_negative": distinct,
                       "expected_false_positives": …, "supported": true where at least 10 are expected,
                       "comparable": true where at least 100 are, so that two networks may be compared by it,
                       "purity": [{"prevalence": 1e-4, "value": …, "low": …, "high": …, "why": …}]}],
       "roc": {"fpr": […], "tpr": […]},
       "calibration": null or {
         "before": {"bins": [{"n": …, "first": logit, "last": logit, "mean_p": …, "observed": INTERVAL (Wilson)}],
                    "ece": INTERVAL, "ece_if_calibrated": …, "brier": INTERVAL},
         "after": the same with p = sigmoid(logit / T), or null, "why_no_after": …},
       "by_kind": [{"kind": "control", "n_negative": …, "n_distinct_negative": …, "auc": INTERVAL or null,
                    "fpr": SHARES or null, "why": …}],
       "by_condition": null (then "why_no_conditions" says why) or {"theta_e_over_fwhm", "arc_snr", "psf_depth_r_mag",
         "psf_fwhm_r_arcsec": {"edges_are": "fixed" or "quantiles …", "n_without": …, "cells": [
           {"lower": …, "upper": … or null (open), "n_positive": …, "n_negative": …, "n_distinct_negative": …,
            "tpr": SHARES or null, "fpr": SHARES or null, "auc": INTERVAL or null, "why": …}]}}}}}

``threshold`` is the lowest logit that counts as found, null where nothing may be found at that rate. Distinct negatives: all
rows of kind ``control`` of one host show the same pixels and are one; a row of any other kind is one of its own. SHARES are
``[{"split_fpr": 0.01, "value": …, "low": …, "high": …}]``: the share of objects at or above the split's own threshold of each
supported rate, with its Wilson interval. p, ECE and Brier score are at the split's ``prevalence``, purity at the sky's.
``metrics_by_condition.py`` says how parts are made, ``calibration.py`` what ECE is, ``sky_purity.py`` what purity assumes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import pyarrow.compute as pc

from schemas.code_version import code_version
from schemas.file_commit import commit_text, require_writable
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import location
from schemas.run_record import read_run

EXAMPLE = """\
examples:
  dhs evaluate --scores scores --out metrics.json
  dhs evaluate --scores scores --stamps stamps --out metrics.json

AUC, and the share of lenses found at a false positive rate of 10 %, 1 %, 0.1 % and 0.01 %, each with a 95 % interval from a
bootstrap over sky cells. A rate that fewer than 10 distinct negatives would stand behind is marked as not supported.

With --stamps the figures are also given by Einstein radius over PSF width, arc signal to noise, depth and PSF width; only the
index is read, no pixels. Calibration is that of the probabilities at the split's share of lenses. A temperature is fitted where
the validation split was scored too (dhs score --split val test) and shown on the other splits.
"""
SHOWN_FPR = 0.01
"""The false positive rate that the closing line speaks of."""


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs evaluate``."""
    parser = argparse.ArgumentParser(
        prog="dhs evaluate",
        description="Figures of merit of a scored split, with intervals and the number of objects behind each.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scores", type=location, required=True, help="scores directory that dhs score has finished")
    parser.add_argument("--stamps", type=location, help="stamps directory that was scored: adds the figures by condition")
    parser.add_argument("--out", type=location, required=True, help="JSON file to write; one that stands is replaced")
    parser.add_argument("--draws", type=int, default=500, help="bootstrap draws behind each interval (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the bootstrap (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the figures and say the first of them."""
    args = build_parser().parse_args(argv)
    if args.draws < 1 or args.seed < 0:
        raise InputError(f"--draws {args.draws} --seed {args.seed}; wanted at least one draw and a seed that is not negative")
    require_writable(args.out)
    from trainer.evaluated_split import FITTED_ON, fitted_temperature, split_figures, temperature_figures
    from trainer.intervals import Bootstrap
    from trainer.scored_rows import add_conditions, read_scores

    record, rows, how = read_run(args.scores), read_scores(args.scores), Bootstrap(args.draws, args.seed)
    if args.stamps:
        rows = add_conditions(rows, args.stamps)
    by_split = {name: rows.filter(pc.equal(rows["split"], name)) for name in rows["split"].unique().to_pylist()}
    temperature = fitted_temperature(by_split.get(FITTED_ON, rows.slice(0, 0)), how)
    splits = {name: split_figures(name, part, how, temperature) for name, part in by_split.items()}
    content = {
        "checkpoint_hash": record.get("checkpoint_hash"),
        "code_version": code_version("schemas", "trainer"),
        "recipe_hash": record.get("recipe_hash"),
        "bootstrap": {"draws": args.draws, "seed": args.seed},
        "temperature": temperature_figures(temperature),
        "splits": splits,
    }
    commit_text(args.out, json.dumps(content, indent=1, allow_nan=False) + "\n")
    account("evaluate", "; ".join(f"{name}: {_sentence(figures)}" for name, figures in splits.items()) + f"; {args.out}")
    return EXIT_DONE


def _sentence(figures: dict[str, Any]) -> str:
    if figures["auc"] is None:
        return f"no AUC ({figures['why']})"
    auc, shown = figures["auc"], next(rate for rate in figures["tpr_at_fpr"] if rate["fpr"] == SHOWN_FPR)
    ends = "" if auc["low"] is None else f" ({auc['low']:.3f} to {auc['high']:.3f})"
    note = "" if shown["supported"] else ", not supported"
    return (
        f"AUC {auc['value']:.3f}{ends}, TPR {shown['tpr']:.3f} at FPR {shown['fpr']:g}{note}, "
        f"{figures['n_positive']} lenses, {figures['n_negative']} negatives"
    )


if __name__ == "__main__":
    raise SystemExit(run_job("evaluate", main))
