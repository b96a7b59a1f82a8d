"""What a contract is: the columns of a table as data, from which every schema and every document is derived.

A column states its name, type, unit, shape, whether it may be null and one sentence of meaning. Columns that exist only
because a lens was injected carry ``injected=True``: a network must never see them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import pyarrow as pa

from schemas.survey import BANDS

CONTRACT_VERSION = "1.1"
METADATA_KEY = b"darkhaloscope"

ColumnType = Literal["bool", "int16", "int32", "int64", "float32", "float64", "string", "binary"]

_ARROW_TYPES: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
}
_SPARK_TYPES: dict[str, str] = {
    "bool": "BOOLEAN",
    "int16": "SMALLINT",
    "int32": "INT",
    "int64": "BIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "string": "STRING",
    "binary": "BINARY",
}


class ContractError(ValueError):
    """A table does not keep its contract; the text says what was asked, what was seen and what would be right."""


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    ``unit`` is a string that ``astropy.units.Unit`` parses ("" where there is none); ``shape`` describes what a binary
    column holds, as text. ``injected`` marks what does not exist for a real galaxy.
    """

    name: str
    type: ColumnType
    doc: str
    unit: str = ""
    nullable: bool = False
    shape: str = ""
    injected: bool = False

    @property
    def arrow_field(self) -> pa.Field:
        """The Arrow field, with unit, meaning and the injected mark in its metadata."""
        metadata = {"unit": self.unit, "doc": self.doc, "injected": str(self.injected).lower()}
        return pa.field(self.name, _ARROW_TYPES[self.type], nullable=self.nullable, metadata=metadata)


@dataclass(frozen=True)
class Contract:
    """The columns of one table, in order, with a name and a sentence of its own."""

    name: str
    doc: str
    columns: tuple[Column, ...]
    version: str = CONTRACT_VERSION

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ContractError(f"contract {self.name!r}: columns named twice: {', '.join(repeated)}")

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"contract {self.name!r} has no column {name!r}; it has {', '.join(self.names)}")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def blob_names(self) -> tuple[str, ...]:
        """Names of the binary columns: what an audit never has to read."""
        return tuple(column.name for column in self.columns if column.type == "binary")

    @property
    def injected_names(self) -> tuple[str, ...]:
        """Names of the columns that do not exist for a real galaxy."""
        return tuple(column.name for column in self.columns if column.injected)

    @cached_property
    def _whole_schema(self) -> pa.Schema:
        return pa.schema([column.arrow_field for column in self.columns])

    def arrow_schema(self, columns: Iterable[str] | None = None) -> pa.Schema:
        """The Arrow schema of all columns, or of the named ones in contract order."""
        if columns is None:
            return self._whole_schema
        wanted = set(columns)
        unknown = sorted(wanted - set(self.names))
        if unknown:
            raise ContractError(f"contract {self.name!r} has no column {', '.join(unknown)}; it has {', '.join(self.names)}")
        return pa.schema([column.arrow_field for column in self.columns if column.name in wanted])

    def spark_ddl(self) -> str:
        """The Spark schema as a DDL string for ``spark.read.schema``.

        Every column is declared nullable: Spark drops its own null filters on columns declared NOT NULL, so that a
        broken file would answer an audit with nothing. Nulls are audited with pyarrow or DuckDB.
        """
        return ", ".join(f"`{column.name}` {_SPARK_TYPES[column.type]}" for column in self.columns)

    def markdown_table(self) -> str:
        """The table of columns as the README shows it."""
        lines = ["| column | type | unit | null | injected | meaning |", "|---|---|---|---|---|---|"]
        for column in self.columns:
            kind = f"{column.type} {column.shape}".strip()
            marks = ("yes" if column.nullable else "", "yes" if column.injected else "")
            lines.append(f"| `{column.name}` | {kind} | {column.unit} | {marks[0]} | {marks[1]} | {column.doc} |")
        return "\n".join(lines)


def per_band(column: Column, bands: Iterable[str] = BANDS) -> tuple[Column, ...]:
    """One column a band, from a pattern whose name and sentence hold ``{band}``."""
    return tuple(replace(column, name=column.name.format(band=band), doc=column.doc.format(band=band)) for band in bands)
