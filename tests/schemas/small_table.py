"""A contract of three columns and its rows, for tests of what every contract promises."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from schemas.contract import Column, Contract
from schemas.contract_files import Provenance

SHELF = Contract(
    name="shelf",
    doc="A table for tests.",
    columns=(
        Column("name", "string", "Name."),
        Column("flux_nmgy", "float64", "Flux.", unit="nmgy", nullable=True, injected=True),
        Column("picture", "binary", "Bytes.", nullable=True, shape="(size, size)"),
    ),
)
MADE_BY = Provenance("0.1.0+abc", "5ca1ab1e", 7, "synthetic")


def shelf_rows(count: int) -> list[dict[str, Any]]:
    """Rows that differ in every column; each tenth has no flux and no picture."""
    rows: list[dict[str, Any]] = []
    for n in range(count):
        full = n % 10 != 9
        rows.append({"name": f"n{n}", "flux_nmgy": n / 8 if full else None, "picture": b"%08d" % n * 4 if full else None})
    return rows


def shelf_table(count: int) -> pa.Table:
    """The same rows as an Arrow table."""
    return pa.Table.from_pylist(shelf_rows(count), SHELF.arrow_schema())
