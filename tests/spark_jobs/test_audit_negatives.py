"""The audit of hard negatives: too few, without a property, or told from lenses by flux, clearness or radius: all are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from spark_jobs.transforms.audits.audit_negatives import hard_negatives, matched_negatives
from spark_jobs.transforms.audits.audit_result import Check, Verdict

Row = dict[str, Any]


def stamps(lenses: int = 600, negatives: int = 300) -> list[Row]:
    """Made rows in which lenses, hard negatives of three kinds and controls have the same flux, clearness and radius."""
    rng = np.random.default_rng(5)
    kinds = ["lens"] * lenses + ["ring", "companion", "trail"] * (negatives // 3) + ["control"] * lenses
    rows = []
    for number, kind in enumerate(kinds):
        row: Row = {"task_id": f"{number:032x}", "kind": kind, "reasons": 0, "non_lens_property": None}
        row |= dict.fromkeys(("injected_mag_r", "arc_snr", "theta_e_arcsec"))
        if kind != "control":
            row |= {"injected_mag_r": rng.normal(21.5, 0.6), "arc_snr": 10 ** rng.normal(1.8, 0.2)}
            row |= {"theta_e_arcsec": rng.uniform(0.8, 2.4)}
        if kind == "trail":
            row |= {"injected_mag_r": None, "arc_snr": 0.0}
        if kind not in ("lens", "control"):
            row["non_lens_property"] = "host_coloured"
        rows.append(row)
    return rows


def verdict(check: Callable[[duckdb.DuckDBPyConnection], Check], rows: list[Row]) -> Check:
    connection = duckdb.connect(":memory:")
    connection.register("stamps", pa.Table.from_pylist(rows))
    return check(connection)


def test_negatives_that_are_enough_and_matched_pass() -> None:
    found = verdict(hard_negatives, stamps())
    assert (found.verdict, found.found) == (Verdict.PASS, "300 of 900 stamps with added light are hard negatives, 0.333")
    found = verdict(matched_negatives, stamps())
    assert found.verdict is Verdict.PASS
    assert "median theta_e_arcsec 1.57 of lenses, 1.59 of hard negatives" in found.found


def test_a_run_without_hard_negatives_claims_nothing() -> None:
    for check in (hard_negatives, matched_negatives):
        assert verdict(check, stamps(negatives=0)).verdict is Verdict.NOT_CHECKED


def test_a_share_below_three_tenths_is_found_but_not_where_chance_explains_it() -> None:
    found = verdict(hard_negatives, stamps(600, 150))
    assert found.verdict is Verdict.FAIL
    assert found.found == "150 of 750 stamps with added light are hard negatives, 0.200; wanted 0.3"
    assert verdict(hard_negatives, stamps(8, 3)).verdict is Verdict.PASS
    refused = [row | {"reasons": 1 << 26} if row["kind"] == "ring" else row for row in stamps()]
    assert verdict(hard_negatives, refused).verdict is Verdict.FAIL


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_ring_without_a_property_is_no_negative(nothing: str | None) -> None:
    rows = stamps()
    rows[600]["non_lens_property"] = nothing
    found = verdict(hard_negatives, rows)
    assert found.verdict is Verdict.FAIL
    assert found.found.startswith(f"1 without a property that no lens has: {600:032x}")


@pytest.mark.parametrize(
    ("column", "change", "told"),
    [
        ("injected_mag_r", lambda magnitude: magnitude + 0.6, "median injected_mag_r 21.5 of lenses, 22"),
        ("arc_snr", lambda snr: 2.5 * snr, "median log_arc_snr 1.81 of lenses, 2.22"),
        ("theta_e_arcsec", lambda radius: 1.6 * radius, "median theta_e_arcsec 1.57 of lenses, 2.54"),
    ],
)
def test_negatives_that_differ_in_flux_clearness_or_radius_are_found(
    column: str, change: Callable[[float], float], told: str
) -> None:
    rows = [row | {column: change(row[column])} if row["kind"] in ("ring", "companion") else row for row in stamps()]
    found = verdict(matched_negatives, rows)
    assert found.verdict is Verdict.FAIL
    assert told in found.found
