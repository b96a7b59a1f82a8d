"""Tables of positions become addresses and file names, and no name leads out of the directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.anchors import ANCHORS
from schemas.contract_files import Provenance, write_table
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.run_record import RunError, RunIdentity, begin_run, finish_run
from spark_jobs.transforms.fetching.cutout_urls import cutout_files, read_named_positions, safe_stem
from spark_jobs.transforms.survey.position_table import PositionRow

SERVICE = "https://survey.test/fits-cutout"


def written(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_becomes_the_address_that_the_service_documents(tmp_path: Path) -> None:
    rows = read_named_positions(written(tmp_path, "ra_deg,name,dec_deg,grade\n-1.5,SDSS J0029-0055,-0.93056,A\n"))
    (wanted,) = cutout_files(SERVICE, "ls-dr10", rows, ("g", "r", "z"), 64)
    assert wanted.path == "SDSS_J0029-0055.fits"
    assert urlsplit(wanted.url).path == "/fits-cutout"
    asked = {name: values[0] for name, values in parse_qs(urlsplit(wanted.url).query).items()}
    assert asked == {
        **{"ra": "358.5000000", "dec": "-0.9305600", "layer": "ls-dr10"},
        **{"pixscale": "0.262", "bands": "grz", "size": "64"},
    }
    assert wanted.cube is not None
    assert wanted.cube.shape == (3, 64, 64)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("J0029-0055", "J0029-0055"),
        ("  SDSS  J0029+0055 ", "SDSS_J0029+0055"),
        ("J0029\u22120055", "J0029-0055"),
        ("../../etc/passwd", "etc_passwd-"),
        ("/etc/passwd", "etc_passwd-"),
        ("a/b", "a_b-"),
        ("a\\b", "a_b-"),
        ("..", "object-"),
        (".hidden", "hidden-"),
        ("--out", "out-"),
        ("a\x00b", "a_b-"),
        ("Ärmel 1", "Armel_1-"),
        ("\u661f1", "1-"),
        ("\u661f", "object-"),
        ("x" * 300, "x" * 80 + "-"),
    ],
)
def test_a_name_becomes_a_file_name_that_one_can_still_read(name: str, stem: str) -> None:
    found = safe_stem(name)
    assert found.startswith(stem)
    assert len(found) == len(stem) + (8 if stem.endswith("-") else 0)


@given(st.text(min_size=1))
def test_no_name_leads_out_of_the_directory_or_hides(name: str) -> None:
    path = Path("/cubes") / f"{safe_stem(name)}.fits"
    assert path.resolve().parent == Path("/cubes")
    assert path.name[0] not in ".-"
    assert path.name.isascii()
    assert len(path.name) < 100


@given(st.lists(st.text(alphabet="a\u00e4\u661f/.", min_size=1), min_size=2, max_size=2, unique=True))
def test_names_that_differ_in_more_than_spaces_stay_two_files(names: list[str]) -> None:
    assert safe_stem(names[0]) != safe_stem(names[1])


@pytest.mark.parametrize(("first", "second"), [("a b", "a_b"), ("Lens", "lens"), ("a", "a")])
def test_two_rows_that_would_become_one_file_are_refused(first: str, second: str) -> None:
    rows = [PositionRow(2, first, 1.0, 1.0), PositionRow(3, second, 2.0, 2.0)]
    with pytest.raises(InputError, match=r"lines 2 and 3 would both become .*\.fits; wanted names that differ"):
        cutout_files(SERVICE, "ls-dr10", rows, ("g",), 64)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,ra_deg,dec_deg\n", "holds no position; wanted rows of name, ra_deg, dec_deg"),
        ("ra_deg,dec_deg\n1,2\n", "has the columns ra_deg, dec_deg; wanted name and ra_deg and dec_deg"),
        ("name,ra_deg,dec_deg\n ,1,2\n", "line 2: no name"),
        ("name,ra_deg,dec_deg\na,00:29:07,-0.9\n", r"line 2: position \['00:29:07', '-0.9'\]; wanted right ascension"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        read_named_positions(written(tmp_path, text))


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"table of positions .*none\.csv is not there"):
        read_named_positions(tmp_path / "none.csv")


def anchors(folder: Path, *rows: dict[str, Any]) -> Path:
    """A finished anchors directory."""
    same = {"object_class": "lens", "label": 1, "discovery": "unknown", "tier": "", "reference": "", "remark": ""}
    filled = [dict.fromkeys(ANCHORS.names) | same | row for row in rows]
    identity = RunIdentity("anchors", "test")
    begin_run(folder, identity)
    path = folder / "anchors.parquet"
    write_table(path, pa.Table.from_pylist(filled, ANCHORS.arrow_schema()), ANCHORS, Provenance("test"))
    finish_run(folder, identity, [path], {}, {})
    return folder


def test_a_finished_anchors_directory_is_a_table_of_positions_too_less_what_its_list_refused(tmp_path: Path) -> None:
    there = {"name": "SDSS J0029-0055", "ra_deg": 7.0, "dec_deg": -0.9, "reasons": 0}
    twice = {**there, "ra_deg": 8.0, "reasons": int(Reason.NAMED_TWICE)}
    nowhere = {"name": "lost", "reasons": int(Reason.POSITION_UNREADABLE)}
    last = {"name": "b", "ra_deg": 9.0, "dec_deg": 1.5, "reasons": 0}
    rows = read_named_positions(anchors(tmp_path / "anchors", there, twice, nowhere, last))
    assert rows == [PositionRow(1, "SDSS J0029-0055", 7.0, -0.9), PositionRow(4, "b", 9.0, 1.5)]
    first, second = cutout_files(SERVICE, "ls-dr10", rows, ("r",), 64)
    assert (first.path, second.path) == ("SDSS_J0029-0055.fits", "b.fits")
    assert "ra=7.0000000&dec=-0.9000000" in first.url


def test_a_directory_without_a_usable_anchor_or_that_is_not_finished_is_refused(tmp_path: Path) -> None:
    none = anchors(tmp_path / "none", {"name": "lost", "reasons": int(Reason.POSITION_UNREADABLE)})
    with pytest.raises(InputError, match="none holds no usable anchor; wanted the finished output of dhs anchors"):
        read_named_positions(none)
    with pytest.raises(RunError, match=r"unfinished|_run\.json"):
        read_named_positions(tmp_path)
