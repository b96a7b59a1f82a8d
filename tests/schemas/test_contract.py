"""Contracts as data: units that parse, names that mean one thing, a sentence each, and what exists for lenses only."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pyarrow as pa
import pytest
from astropy import units

from schemas.all_contracts import CONTRACTS
from schemas.contract import Column, Contract, ContractError, per_band
from schemas.cutouts import CUTOUTS
from schemas.hosts import HOSTS
from schemas.stamps import STAMP_INDEX, STAMPS
from schemas.tasks import IDENTITY, TASKS
from tests.schemas.small_table import SHELF

COLUMNS = [
    pytest.param(contract, column, id=f"{contract.name}.{column.name}")
    for contract in CONTRACTS.values()
    for column in contract
]
UNIT_OF_SUFFIX = {"arcsec": "arcsec", "nmgy": "nmgy", "deg": "deg", "rad": "rad", "pix": "pix", "kms": "km/s", "mag": "mag"}


@pytest.mark.parametrize(("contract", "column"), COLUMNS)
def test_a_column_has_a_unit_that_parses_a_name_that_fits_it_and_a_sentence(contract: Contract, column: Column) -> None:
    unit = units.Unit(column.unit)
    suffix = column.name.rpartition("_")[2]
    if suffix in UNIT_OF_SUFFIX:
        assert unit == units.Unit(UNIT_OF_SUFFIX[suffix])
    assert len(column.doc.split()) > 1
    assert column.doc.endswith(".")
    assert "{" not in column.name + column.doc
    assert bool(column.shape) == (column.type == "binary")


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_a_contract_states_itself_in_a_sentence_and_names_no_column_twice(contract: Contract) -> None:
    assert contract.doc.endswith(".")
    assert len(set(contract.names)) == len(contract.names)
    assert contract.version == "1.1"


def test_a_name_has_one_type_and_one_unit_in_whatever_table_it_stands() -> None:
    every = sorted((column.name, column.type, column.unit) for contract in CONTRACTS.values() for column in contract)
    for name, uses in groupby(every, key=lambda use: use[0]):
        assert len(set(uses)) == 1, name


def test_what_only_a_lens_has_is_marked_may_be_null_and_is_nothing_that_a_survey_measures() -> None:
    measured = set(HOSTS.names) | set(CUTOUTS.names)
    for contract in (TASKS, STAMPS, STAMP_INDEX):
        injected = set(contract.injected_names)
        assert {"theta_e_arcsec", "source_mag_r", "n_drawn", "psf_fwhm_used_r_arcsec"} <= injected
        assert not injected & measured
        assert all(contract[name].nullable for name in injected)
        own = set(contract.names) - injected - {column.name for column in IDENTITY}
        assert own - measured <= {"stamp_npz", "file", "row"}
    for name in ("hosts", "cutouts", "scores", "anchors", "anchor_integrity"):
        assert CONTRACTS[name].injected_names == ()


def test_the_index_is_the_stamps_table_without_pixels_and_with_the_place_of_each_row() -> None:
    assert STAMPS.blob_names == ("stamp_npz",)
    assert STAMP_INDEX.blob_names == ()
    assert STAMP_INDEX.columns[:-2] == tuple(column for column in STAMPS if column.name != "stamp_npz")
    assert STAMP_INDEX.names[-2:] == ("file", "row")


def test_the_arrow_schema_carries_order_type_nullability_unit_and_mark() -> None:
    schema = SHELF.arrow_schema()
    assert schema.names == list(SHELF.names) == ["name", "flux_nmgy", "picture"]
    assert schema.types == [pa.string(), pa.float64(), pa.binary()]
    assert [field.nullable for field in schema] == [False, True, True]
    assert schema.field("flux_nmgy").metadata == {b"unit": b"nmgy", b"doc": b"Flux.", b"injected": b"true"}
    assert schema.field("name").metadata[b"injected"] == b"false"


def test_a_part_of_the_schema_keeps_the_contracts_order_and_an_unknown_column_is_refused() -> None:
    assert SHELF.arrow_schema(["picture", "name"]).names == ["name", "picture"]
    with pytest.raises(ContractError, match="contract 'shelf' has no column colour; it has name, flux_nmgy, picture"):
        SHELF.arrow_schema(["name", "colour"])
    with pytest.raises(KeyError, match="contract 'shelf' has no column 'colour'; it has name, flux_nmgy, picture"):
        SHELF["colour"]
    assert SHELF["flux_nmgy"].unit == "nmgy"


def test_columns_named_twice_are_refused() -> None:
    with pytest.raises(ContractError, match="contract 'twins': columns named twice: name"):
        Contract("twins", "Twins.", (SHELF["name"], SHELF["picture"], SHELF["name"]))


def test_a_pattern_gives_one_column_a_band() -> None:
    columns = per_band(Column("mag_{band}", "float64", "Magnitude in {band}.", unit="mag"), ("g", "w1"))
    assert [(column.name, column.doc, column.unit) for column in columns] == [
        ("mag_g", "Magnitude in g.", "mag"),
        ("mag_w1", "Magnitude in w1.", "mag"),
    ]


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_a_table_of_the_readme_has_six_cells_a_line_and_a_line_a_column(contract: Contract) -> None:
    lines = contract.markdown_table().splitlines()
    assert len(lines) == len(contract.names) + 2
    assert {line.count("|") for line in lines} == {7}
    for line, column in zip(lines[2:], contract, strict=True):
        name, kind, unit, null, injected, meaning = (cell.strip() for cell in line.strip("|").split("|"))
        assert (name, unit, meaning) == (f"`{column.name}`", column.unit, column.doc)
        assert kind.split()[0] == column.type
        assert ((null == "yes"), (injected == "yes")) == (column.nullable, column.injected)


@pytest.mark.spark
@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_spark_reads_the_ddl_as_the_arrow_types_with_every_column_nullable(spark: Any, contract: Contract) -> None:
    from pyspark.sql.pandas.types import from_arrow_schema

    read = spark.createDataFrame([], contract.spark_ddl()).schema
    assert [(f.name, f.dataType) for f in read] == [(f.name, f.dataType) for f in from_arrow_schema(contract.arrow_schema())]
    assert all(field.nullable for field in read)
