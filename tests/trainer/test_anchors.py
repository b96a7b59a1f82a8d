"""The anchors table: a position is read as the list means it, or the row is refused with a reason; nothing is lost."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.anchors import ANCHORS
from schemas.contract_files import read_table
from schemas.finished_files import file_sha256
from schemas.job_entry import EXIT_DONE, InputError
from schemas.refusal_reasons import Reason
from schemas.run_record import RunError, read_run
from trainer.anchor_positions import PositionError, angle_of, name_from_position, position_in_name, random_sky_near, separations
from trainer.anchors import build_parser, main

ON_SPHERE = (st.floats(0, 359.999), st.floats(-89.5, 89.5))


def table_of(folder: Path, text: str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def rows_of(folder: Path, table: Path, columns: str | None = None) -> list[dict[str, Any]]:
    """What the job makes of a list."""
    out = folder / f"out-{table.stem}"
    extra = ["--columns", str(table_of(folder, columns, "columns.yaml"))] if columns is not None else []
    assert main(["--table", str(table), "--out", str(out), *extra]) == EXIT_DONE
    rows: list[dict[str, Any]] = read_table(out / "anchors.parquet", ANCHORS).to_pylist()
    return rows


@pytest.mark.parametrize(
    ("text", "what", "unit", "degrees"),
    [
        ("10:42:30.1", "ra", "deg", 15 * (10 + 42 / 60 + 30.1 / 3600)),
        ("10h42m30.1s", "ra", "deg", 15 * (10 + 42 / 60 + 30.1 / 3600)),
        ("10 42 30.1", "ra", "sexagesimal", 15 * (10 + 42 / 60 + 30.1 / 3600)),
        ("+12:03:04", "dec", "deg", 12 + 3 / 60 + 4 / 3600),
        ("-00:30:00", "dec", "deg", -0.5),
        ("\N{MINUS SIGN}12d03m04s", "dec", "deg", -(12 + 3 / 60 + 4 / 3600)),
        ("10.5", "ra", "hour", 157.5),
        ("160.5", "ra", "deg", 160.5),
    ],
)
def test_an_angle_is_read_as_it_is_written(text: str, what: str, unit: str, degrees: float) -> None:
    assert angle_of(text, unit, what) == pytest.approx(degrees, abs=1e-10)


@pytest.mark.parametrize(
    ("text", "what", "unit", "words"),
    [
        ("10:42", "ra", "deg", "ra '10:42'; wanted a number in deg or sexagesimal like 10:42:30.1"),
        ("160:42:30", "ra", "deg", "wanted sexagesimal hours from 0 to 24"),
        ("10:72:30", "ra", "deg", "wanted minutes and seconds below 60"),
        ("10d42m30s", "ra", "deg", "wanted sexagesimal hours from 0 to 24"),
        ("10h42m30s", "dec", "deg", "is in hours; wanted degrees"),
        ("12.5", "dec", "sexagesimal", "is a plain number; the columns say sexagesimal"),
        ("", "dec", "deg", "dec ''; wanted a number"),
    ],
)
def test_an_angle_that_could_mean_two_things_is_not_guessed(text: str, what: str, unit: str, words: str) -> None:
    with pytest.raises(PositionError, match=words):
        angle_of(text, unit, what)


@given(*ON_SPHERE)
def test_a_name_made_from_a_position_holds_that_position(ra: float, dec: float) -> None:
    named = position_in_name(name_from_position(ra, dec))
    assert named is not None
    assert named.distance_beyond(ra, dec) < 0.01


@given(*ON_SPHERE, st.floats(1.0, 30.0), st.sampled_from([-1, 1]))
def test_a_position_arc_minutes_away_in_declination_is_beyond_its_name_by_that_much(
    ra: float, dec: float, arcmin: float, sense: int
) -> None:
    away = dec + sense * arcmin / 60
    named = position_in_name(name_from_position(ra, dec))
    assert named is not None
    if abs(away) < 89.9 and (away > 0) == (dec > 0):
        assert named.distance_beyond(ra, away) == pytest.approx(60 * arcmin, abs=1.01)


def test_a_name_to_the_minute_forgives_its_truncation_and_no_more() -> None:
    named = position_in_name("SDSSJ0737+3216")
    assert named is not None
    assert named.distance_beyond(114.36864, 32.27183) == 0
    assert named.distance_beyond(114.36864, 32.27183 + 0.1) == pytest.approx(0.1 * 3600 - 42, abs=5)
    assert named.distance_beyond(114.36864 + 0.25, 32.27183) > named.slack_arcsec
    assert position_in_name("DESI-073.2924-24.8422").distance_beyond(73.29235, -24.84221) < 1  # type: ignore[union-attr]
    assert [position_in_name(name) for name in ("Q2237+030", "HE1104-1805", "COSMOS5921+0638", "The Cosmic Horseshoe")] == [
        None
    ] * 4


def test_near_a_pole_and_across_zero_hours_distances_stay_true() -> None:
    assert separations(359.9999, 0.0, np.array([[0.0001, 0.0]]))[0] == pytest.approx(0.72, abs=1e-6)
    assert separations(0.0, 89.999, np.array([[180.0, 89.999]]))[0] == pytest.approx(7.2, abs=1e-6)


@given(*ON_SPHERE, st.text(max_size=5))
def test_random_sky_lies_two_to_six_arcmin_away_and_hangs_on_the_name_alone(ra: float, dec: float, name: str) -> None:
    avoid = np.array([[ra, dec]])
    found = random_sky_near(name, ra, dec, avoid)
    assert 120 - 1e-6 <= separations(ra, dec, np.array([found]))[0] <= 360 + 1e-6
    assert random_sky_near(name, ra, dec, avoid) == found
    moved = random_sky_near(name, ra, dec, np.array([[ra, dec], found]))
    assert separations(*found, np.array([moved]))[0] > 60


def test_the_same_name_is_moved_the_same_way_wherever_it_lies_and_another_name_another_way() -> None:
    nothing = np.empty((0, 2))
    first, there = random_sky_near("a", 10.0, 0.0, nothing), random_sky_near("a", 20.0, 0.0, nothing)
    assert (there[0] - 10, there[1]) == pytest.approx(first, abs=1e-9)
    assert separations(*first, np.array([random_sky_near("b", 10.0, 0.0, nothing)]))[0] > 1


def test_a_list_of_bad_positions_keeps_every_row_with_its_reason(tmp_path: Path) -> None:
    text = "name,ra_deg,dec_deg\ngood,150.5,2.2\nhigh,361,2\nlow,30,-90.5\nnot,nan,2\nempty,,\ntwo,10:42,2\n"
    rows = rows_of(tmp_path, table_of(tmp_path, text))
    assert [row["name"] for row in rows] == ["good", "high", "low", "not", "empty", "two"]
    assert [row["reasons"] for row in rows] == [0] + [Reason.POSITION_UNREADABLE] * 5
    assert [row["ra_deg"] for row in rows[1:]] == [None] * 5
    assert "wanted ra 0 to 360 and dec -90 to 90" in rows[1]["remark"] and "wanted finite numbers" in rows[3]["remark"]
    record = read_run(tmp_path / "out-list")
    assert record["rows"] == 6 and record["counts"] == {"usable": 1, "refused": {"POSITION_UNREADABLE": 5}}


def test_twins_by_name_and_by_place_are_named_on_both_rows_and_the_first_is_kept(tmp_path: Path) -> None:
    text = f"name,ra_deg,dec_deg\na,150,2\nb,160,3\na,170,4\nc,160,{3 + 1.9 / 3600}\nd,160,{3 - 2.1 / 3600}\n"
    rows = rows_of(tmp_path, table_of(tmp_path, text))
    assert [row["reasons"] for row in rows] == [0, 0, Reason.NAMED_TWICE, Reason.TWICE_ON_SKY, 0]
    assert rows[0]["remark"] == "row 3 (a) has the same name" and rows[2]["remark"] == "row 1 (a) has the same name"
    assert rows[1]["remark"] == "row 4 (c) lies within 2 arcsec" and rows[3]["remark"] == "row 2 (b) lies within 2 arcsec"


def test_sexagesimal_strings_are_read_as_hours_and_degrees_without_being_told(tmp_path: Path) -> None:
    text = 'name,ra,dec\na,10:42:30.1,+12:03:04\nb,11h00m00s,-01d30m00s\nc,"12 00 00","-0 30 00"\nd,190.5,3\ne,25:00:00,3\n'
    rows = rows_of(tmp_path, table_of(tmp_path, text))
    assert [row["reasons"] for row in rows] == [0, 0, 0, 0, Reason.POSITION_UNREADABLE]
    assert [row["ra_deg"] for row in rows[:4]] == pytest.approx([160.6254167, 165.0, 180.0, 190.5])
    assert [row["dec_deg"] for row in rows[:4]] == pytest.approx([12.0511111, -1.5, -0.5, 3.0])  # the sign of -0 counts
    assert "wanted sexagesimal hours from 0 to 24" in rows[4]["remark"]


def test_hours_are_converted_where_the_list_says_so_and_asked_about_where_nobody_says(tmp_path: Path) -> None:
    table = table_of(tmp_path, "name,RA,DEC\na,10.5,2\nb,23.9,3\n")
    with pytest.raises(InputError, match=r"every right ascension is below 24 \(largest 23.9\).*units: \{ra: hour\}"):
        main(["--table", str(table), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
    rows = rows_of(tmp_path, table, "units: {ra: hour}")
    assert [row["ra_deg"] for row in rows] == [157.5, pytest.approx(358.5)]
    other = table_of(tmp_path, "name,RA,DEC\na,10.5,2\nb,24.1,3\n", "degrees.csv")
    assert [row["ra_deg"] for row in rows_of(tmp_path, other)] == [10.5, 24.1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,z_lens\na,0.3\n", "has the columns name, z_lens: no ra and dec among them"),
        ("name,ra_deg,dec_deg\n", "has no rows below its header"),
        ("", "has no rows below its header"),
        ("name,ra_deg,dec_deg\na,999,0\n", "no row of 1 has a usable position; the first: position"),
        ("name,ra_deg,dec_deg\na,30\n", "row 1: another number of values than its header's 3 columns"),
        ("name,name,ra_deg,dec_deg\na,b,3,4\n", "names columns twice: name"),
        ("name,ra_deg,dec_deg,class\na,30,0,blob\n", "object_class 'blob'; wanted one of lens, ring, spiral, merger, edge_on"),
        ("name,ra_deg,dec_deg,discovery\na,30,0,luck\n", "discovery 'luck'; wanted one of spectroscopy"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        main(["--table", str(table_of(tmp_path, text)), "--out", str(tmp_path / "out")])


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("colums: {}", "columns.yaml: colums: Extra inputs are not permitted"),
        ("columns: {ra: alpha}", "has no column 'alpha' for ra; it has name, ra_deg, dec_deg"),
        ("units: {ra: rad}", "units.ra: Input should be 'deg', 'hour' or 'sexagesimal'"),
        ("{", "are not YAML"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_one_error(tmp_path: Path, yaml: str, words: str) -> None:
    table, mapping = table_of(tmp_path, "name,ra_deg,dec_deg\na,30,0\n"), table_of(tmp_path, yaml, "columns.yaml")
    with pytest.raises(InputError, match=words):
        main(["--table", str(table), "--columns", str(mapping), "--out", str(tmp_path / "out")])


def test_a_list_of_ones_own_is_mapped_and_contaminants_are_labelled_zero(tmp_path: Path) -> None:
    table = table_of(
        tmp_path, "Lens;x,Alpha,Delta,bSIE,kind,mag\nA,10:42:30.1,+12:03:04,1200,lens,18.2\nB,11:00:00,-1:00:00,-,Edge-on,\n"
    )
    mapping = """
columns: {name: "Lens;x", ra: Alpha, dec: Delta, theta_e: bSIE, object_class: kind, mag_r: mag}
units: {theta_e: mas}
same_for_all: {discovery: space, tier: confident, reference: "A list, 2020"}
"""
    first, second = rows_of(tmp_path, table, mapping)
    assert first["theta_e_arcsec"] == pytest.approx(1.2) and first["mag_r"] == 18.2 and first["label"] == 1
    assert second["object_class"] == "edge_on" and second["label"] == 0 and second["theta_e_arcsec"] is None
    assert (second["ra_deg"], second["dec_deg"]) == (165.0, -1.0)
    assert {first["discovery"], second["discovery"]} == {"space_imaging"} and first["reference"] == "A list, 2020"


def test_a_fits_table_tells_its_own_units(tmp_path: Path) -> None:
    astropy_table = pytest.importorskip("astropy.table")
    import astropy.units as u

    table = astropy_table.Table(
        {"Name": ["a", "b"], "RA": [10.5, 2.0] * u.hourangle, "DEC": [2.0, 3.0] * u.deg, "zd": [0.2, np.nan]}
    )
    table.write(tmp_path / "list.ecsv")
    rows = rows_of(tmp_path, tmp_path / "list.ecsv")
    assert [row["ra_deg"] for row in rows] == [157.5, 30.0]
    assert [row["z_lens"] for row in rows] == [0.2, None]


def test_redshifts_in_doubt_are_null_and_said_so_and_a_nameless_row_is_named_by_its_place(tmp_path: Path) -> None:
    text = "name,ra_deg,dec_deg,z_lens,ref\n-,160.62541667,12.05111,0.41 | 0.4117 | nan,arXiv:2110.00023 | arXiv:2206.02764\n"
    text += "b,30,0,1.04?,Talbot arXiv:2007.09006 | Stein arXiv:2110.00023\nc,31,0,not measured,\n"
    rows = rows_of(tmp_path, table_of(tmp_path, text))
    assert [row["z_lens"] for row in rows] == [0.41, None, None]
    assert rows[0]["name"] == "J104230.1+120303" and rows[0]["remark"] == "the list gives no name"
    assert rows[1]["remark"] == "z_lens '1.04?' is not taken for a number" and rows[2]["remark"] == ""
    assert [row["discovery"] for row in rows] == ["ground_imaging", "unknown", "unknown"]
    assert [row["reference"] for row in rows][2] == "list.csv"


def test_the_same_command_again_has_nothing_to_do_and_the_same_list_gives_the_same_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = table_of(tmp_path, "name,ra_deg,dec_deg\na,150,2\nb,160,3\n")
    for out in ("one", "two", "one"):
        assert main(["--table", str(table), "--out", str(tmp_path / out)]) == EXIT_DONE
    assert "nothing to do" in capsys.readouterr().out
    assert file_sha256(tmp_path / "one/anchors.parquet") == file_sha256(tmp_path / "two/anchors.parquet")
    table.write_text("name,ra_deg,dec_deg\na,150,2\nb,160,4\n")
    with pytest.raises(RunError, match=r"holds another run: settings was .*table_sha256"):
        main(["--table", str(table), "--out", str(tmp_path / "one")])


def test_random_sky_is_keyed_by_name_and_leaves_refused_anchors_out(tmp_path: Path) -> None:
    table = table_of(tmp_path, "name,ra_deg,dec_deg\na,150,2\nb,400,3\nc,150.05,2.05\n")
    rows_of(tmp_path, table)
    assert main(["--random-sky", str(tmp_path / "out-list"), "--out", str(tmp_path / "sky")]) == EXIT_DONE
    sky = read_table(tmp_path / "sky" / "anchors.parquet", ANCHORS).to_pylist()
    assert [(row["name"], row["object_class"], row["label"]) for row in sky] == [("a", "random_sky", 0), ("c", "random_sky", 0)]
    with pytest.raises(InputError, match="--columns describes a list given with --table"):
        main(["--random-sky", str(tmp_path / "sky"), "--columns", "x", "--out", str(tmp_path / "y")])


def test_published_lists_are_read_and_the_names_find_the_coordinates_that_lost_their_hours(
    shared_data: Path, tmp_path: Path
) -> None:
    rows = rows_of(tmp_path, shared_data / "anchors" / "lenscat_confident_galaxy.csv")
    assert len(rows) == 1653
    away = [row for row in rows if row["reasons"] & Reason.AWAY_FROM_ITS_NAME]
    assert len(away) == 62 and sum(row["name"].startswith("AGEL") for row in away) == 60
    assert {row["discovery"] for row in rows} == {"spectroscopy", "ground_imaging", "unknown"}
    assert all(row["ra_deg"] < 15 for row in away if row["name"].startswith("AGEL"))
    auger = rows_of(tmp_path, shared_data / "anchors" / "SLACS_table_Auger2009.cat", "same_for_all: {discovery: spectroscopy}")
    assert len(auger) == 59 and all(row["reasons"] == 0 for row in auger)
    first = {name: auger[0][name] for name in ("ra_deg", "theta_e_arcsec", "z_lens", "z_source", "discovery")}
    assert first == {
        "ra_deg": 7.282417,
        "theta_e_arcsec": 0.96,
        "z_lens": 0.227,
        "z_source": 0.931,
        "discovery": "spectroscopy",
    }


def test_the_failed_experiments_positions_agree_with_their_names_so_names_alone_do_not_find_them(
    shared_data: Path, tmp_path: Path
) -> None:
    mapping = "columns: {ra: wrong_ra_deg, dec: wrong_dec_deg}"
    rows = rows_of(tmp_path, shared_data / "anchors" / "slacs_bells.csv", mapping)
    assert len(rows) == 60 and all(row["reasons"] == 0 for row in rows)
    assert all(math.isfinite(row["ra_deg"]) for row in rows)


def test_help_shows_the_mapping_file() -> None:
    words = build_parser().format_help()
    assert all(key in words for key in ("columns:", "units:", "same_for_all:", "--random-sky"))
