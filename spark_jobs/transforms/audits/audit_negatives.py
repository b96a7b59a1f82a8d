"""Checks on hard negatives: that they are enough, that none can be a lens, and that nothing but their shape gives them away.

Legend: a stamp with added light is a lens or a hard negative that was made; magnitudes AB, Einstein radii in arcsec.
"""

from __future__ import annotations

import math
from typing import Any

import duckdb

from spark_jobs.transforms.audits import audit_queries as sql
from spark_jobs.transforms.audits.audit_result import Check, examples

LEAST_SHARE = 0.3
"""Of the stamps with added light is what hard negatives must be."""
MATCHED = {"injected_mag_r": 0.25, "log_arc_snr": 0.15, "theta_e_arcsec": 0.3}
"""How far the medians of lenses and hard negatives may lie apart, beyond what chance explains: mag, dex, arcsec."""
_SIGMAS = 3.0
_MEDIAN_ERROR_IN_QUARTILE_RANGES = 0.929  # of a normal law, times 1/sqrt(n): sqrt(pi/2) / 1.349


def hard_negatives(views: duckdb.DuckDBPyConnection) -> Check:
    """Every hard negative has a property that no lens has, and they are no fewer than LEAST_SHARE but by chance."""
    name = "hard negatives"
    lenses, negatives = _row(views, sql.ADDED_LIGHT)
    if not negatives:
        return Check.skipped(name, "none in this run")
    without = [str(task) for (task,) in views.execute(sql.NEGATIVES_WITHOUT_PROPERTY).fetchall()]
    problems = [f"{len(without)} without a property that no lens has: {examples(without)}"] if without else []
    n, share = lenses + negatives, negatives / (lenses + negatives)
    chance = _SIGMAS * math.sqrt(LEAST_SHARE * (1.0 - LEAST_SHARE) / n)
    told = f"{negatives} of {n} stamps with added light are hard negatives, {share:.3f}"
    problems += [f"{told}; wanted {LEAST_SHARE}"] if share < LEAST_SHARE - chance else []
    return Check.of(name, problems, told)


def matched_negatives(views: duckdb.DuckDBPyConnection) -> Check:
    """Lenses and hard negatives alike in added flux, arc signal to noise and radius, by their medians."""
    name = "negatives matched to lenses"
    problems, clean = [], []
    for column, tolerance in MATCHED.items():
        (n_lens, lens, lens_range), (n, other, other_range) = (
            _row(views, sql.QUARTILES.format(column=column, which=which)) for which in ("kind = 'lens'", sql.NEGATIVE_IN_R)
        )
        if not n or not n_lens:
            return Check.skipped(name, "no hard negatives, or no lenses, in this run")
        error = _MEDIAN_ERROR_IN_QUARTILE_RANGES * math.hypot(lens_range / math.sqrt(n_lens), other_range / math.sqrt(n))
        told = f"median {column} {lens:.3g} of lenses, {other:.3g} of hard negatives"
        clean.append(told)
        if abs(lens - other) > tolerance + _SIGMAS * error:
            problems.append(f"{told}; wanted within {tolerance} and {_SIGMAS:.0f} errors of {error:.2g}")
    return Check.of(name, problems, "; ".join(clean))


def _row(views: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    found = views.execute(query).fetchone()
    if found is None:
        raise RuntimeError(f"a query of totals answered no row: {query}")
    return tuple(found)
