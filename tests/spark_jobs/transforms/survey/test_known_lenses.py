"""Lists of known lenses: the real one is read, a bad line is an error that names it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from schemas.anchors import ANCHORS
from schemas.contract_files import Provenance, write_table
from schemas.job_entry import InputError
from spark_jobs.transforms.survey.known_lenses import read_positions


def test_the_real_lists_are_read_whole(shared_data: Path) -> None:
    lenses = read_positions(shared_data / "anchors" / "lenscat_confident_galaxy.csv")
    text = (shared_data / "anchors" / "lenscat_confident_galaxy.csv").read_text().strip().splitlines()
    assert lenses.shape == (len(text) - 1, 2)
    assert lenses[0].tolist() == [2.83435, -8.7643]
    assert read_positions(shared_data / "anchors" / "slacs_bells.csv").shape == (60, 2)


def test_a_list_without_lenses_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    path.write_text("name,ra_deg,dec_deg\n")
    assert read_positions(path).shape == (0, 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,ra,dec\na,1,2\n", "has the columns name, ra, dec; wanted ra_deg and dec_deg"),
        ("", "has the columns nothing; wanted ra_deg and dec_deg"),
        ("ra_deg,dec_deg\n1,2\n3,-\n", r"line 3: position \['3', '-'\]; wanted right ascension"),
        ("ra_deg,dec_deg\n1,200\n", r"line 2: position \['1', '200'\]"),
        ("ra_deg,dec_deg\n1\n", r"line 2: position \['1', ''\]"),
        ("ra_deg,dec_deg\nnan,1\n", "line 2"),
    ],
)
def test_a_list_that_cannot_be_understood_is_an_error(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        read_positions(path)


def test_a_list_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv is not there"):
        read_positions(tmp_path / "nowhere.csv")


def test_an_anchors_table_gives_all_positions_it_has_refused_rows_included(tmp_path: Path) -> None:
    known = {"object_class": "lens", "label": 1, "discovery": "unknown", "tier": "", "reference": "", "remark": ""}
    rows = [{"name": f"{n}", "ra_deg": ra, "dec_deg": dec, "reasons": bit} | known for n, (ra, dec, bit) in enumerate(PLACES)]
    path = tmp_path / "anchors.parquet"
    table = pa.Table.from_pylist([{name: row.get(name) for name in ANCHORS.names} for row in rows], ANCHORS.arrow_schema())
    write_table(path, table, ANCHORS, Provenance("test"))
    assert read_positions(path).tolist() == [[150.0, 2.0], [160.0, 3.0]]


PLACES = [(150.0, 2.0, 0), (160.0, 3.0, 1 << 33), (None, None, 1 << 32)]
