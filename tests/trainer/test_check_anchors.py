"""The integrity of anchors: on one drawn sky the 60 wrong positions are refused, the right ones accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.stats import binomtest

from schemas.anchors import ANCHOR_INTEGRITY, ANCHORS
from schemas.contract_files import read_table
from schemas.finished_files import file_sha256
from schemas.job_entry import BAD_INPUT, EXIT_BREACH, EXIT_DONE, InputError
from schemas.run_record import read_run
from tests.trainer.drawn_anchors import (
    DrawnSky,
    Positions,
    cutout_row,
    listed_positions,
    write_cutout_rows,
    write_cutouts_run,
)
from trainer import anchors
from trainer.anchor_integrity import Tally, require_accepted, verdict_on
from trainer.check_anchors import build_parser, main
from trainer.intervals import exact_interval

PLACES: Positions = {f"a{n:02d}": (150.0 + 0.2 * n, 10.0 + 0.1 * n) for n in range(12)}


class Checked(NamedTuple):
    """What the command gave: exit code, the run's counts, rows of anchors and of random sky, the page, and its folder."""

    code: int
    counts: dict[str, Any]
    anchors: list[dict[str, Any]]
    control: list[dict[str, Any]]
    page: str
    out: Path


def table(folder: Path, positions: Mapping[str, tuple[float, float]], mags: Mapping[str, float] | None = None) -> Path:
    """An anchors table of positions, and beside it that of random sky (``sky``)."""
    folder.mkdir()
    lines = [f"{name},{ra!r},{dec!r},spectroscopy,{(mags or {}).get(name, '')}" for name, (ra, dec) in positions.items()]
    (folder / "list.csv").write_text("name,ra_deg,dec_deg,discovery,mag_r\n" + "\n".join(lines))
    assert anchors.main(["--table", str(folder / "list.csv"), "--out", str(folder / "anchors")]) == EXIT_DONE
    assert anchors.main(["--random-sky", str(folder / "anchors"), "--out", str(folder / "sky")]) == EXIT_DONE
    return folder


def cut(folder: Path, sky: DrawnSky) -> Path:
    """Cutouts of the anchors and of random sky, both by the same function of position."""
    for kind in ("anchors", "sky"):
        rows = read_table(folder / kind / "anchors.parquet", ANCHORS).to_pylist()
        positions = {row["name"]: (row["ra_deg"], row["dec_deg"]) for row in rows if not row["reasons"]}
        write_cutouts_run(folder / f"{kind}_cutouts", sky, positions)
    return folder


def command(folder: Path, out: str = "integrity") -> list[str]:
    given = {"--anchors": "anchors", "--cutouts": "anchors_cutouts", "--random-sky": "sky_cutouts", "--out": out}
    return [word for option, name in given.items() for word in (option, str(folder / name))]


def check(folder: Path) -> Checked:
    code, out = main(command(folder)), folder / "integrity"
    rows = read_table(out / "integrity.parquet", ANCHOR_INTEGRITY).to_pylist()
    split = [[row for row in rows if row["control"] == control] for control in (False, True)]
    return Checked(code, read_run(out)["counts"], split[0], split[1], (out / "integrity.html").read_text("utf-8"), out)


@pytest.fixture(scope="module")
def lists(shared_data: Path) -> dict[str, Positions]:
    catalogued, wrong, auger = listed_positions(shared_data / "anchors")
    return {"catalogued": catalogued, "wrong": wrong, "auger": auger}


@pytest.fixture(scope="module")
def checked(lists: dict[str, Positions], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Checked]:
    """Each list checked on one sky, whose deflectors are where Auger et al. (2009) and else the catalogue have them."""
    sky = DrawnSky(lists["catalogued"] | lists["auger"])
    root = tmp_path_factory.mktemp("lists")
    return {name: check(cut(table(root / name, positions), sky)) for name, positions in lists.items()}


def test_the_sixty_wrong_positions_are_refused_with_exit_code_one(checked: dict[str, Checked]) -> None:
    wrong = checked["wrong"]
    assert wrong.code == EXIT_BREACH and wrong.counts["verdict"] == "refused"
    assert len(wrong.anchors) == wrong.counts["judged"] == 60
    assert wrong.counts["holding"] <= 2
    assert all(row["finding"] for row in wrong.anchors if not row["holds"])
    with pytest.raises(InputError, match=r"the anchors are refused, .* of 60 anchors fail.*wanted a set that is accepted"):
        require_accepted(wrong.out)


def test_the_right_positions_are_accepted_and_chance_gives_almost_none(checked: dict[str, Checked]) -> None:
    right = checked["auger"]
    assert right.code == EXIT_DONE and right.counts["verdict"] == "accepted"
    assert right.counts["holding"] == 59
    assert right.counts["random_sky_judged"] == 59 and right.counts["random_sky_holding"] <= 2
    assert [row["name"] for row in require_accepted(right.out)] == [row["name"] for row in right.anchors]


def test_a_good_list_is_accepted_and_its_few_wrong_rows_are_found(
    checked: dict[str, Checked], lists: dict[str, Positions]
) -> None:
    """The catalogue is off from Auger et al. by 25, 2.8 and 1.5 arcsec in three of the 45 lenses that both have."""
    good = checked["catalogued"]
    assert good.code == EXIT_DONE
    failing = {row["name"]: row["offset_arcsec"] for row in good.anchors if not row["holds"]}
    assert sorted(failing) == ["SDSSJ0037-0942", "SDSSJ1016+3859", "SDSSJ2238-0754"]
    assert failing["SDSSJ0037-0942"] == pytest.approx(2.8, abs=0.1) and failing["SDSSJ2238-0754"] == pytest.approx(1.5, abs=0.1)
    assert not {row["name"] for row in require_accepted(good.out)} & set(failing)


def test_the_page_shows_every_picture_says_what_is_wrong_and_asks_nothing(checked: dict[str, Checked]) -> None:
    page = checked["wrong"].page
    assert "No figure may be given for this set" in page and "refused" in page
    failing = [row for row in checked["wrong"].anchors if not row["holds"]]
    assert all(f'<p class="task">{row["name"]}</p>' in page for row in failing)
    assert page.count("<img ") == len(re.findall(r'<img src="data:image/[^"]+" alt="[^"]{10,}"', page)) >= 60 + 24 + 3
    assert not re.search(r"https?://(?!www\.w3\.org)", re.sub(r'src="data:[^"]+"', "", page))
    assert "A figure may be given for this set" in checked["auger"].page


def test_the_same_command_again_does_nothing_and_keeps_its_exit_code(
    checked: dict[str, Checked], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = checked["wrong"].out
    stands = file_sha256(wrong / "integrity.html")
    assert main(command(wrong.parent)) == EXIT_BREACH
    assert "finished: refused, " in capsys.readouterr().out
    assert main(command(wrong.parent, "again")) == EXIT_BREACH
    again = wrong.parent / "again"
    assert file_sha256(again / "integrity.html") == stands
    assert file_sha256(again / "integrity.parquet") == file_sha256(wrong / "integrity.parquet")


def test_a_galaxy_of_another_brightness_than_the_catalogues_is_not_the_anchor(tmp_path: Path) -> None:
    sky = DrawnSky(PLACES)
    mags = {name: sky.mag_r(name) + (2.5 if name == "a03" else 0.0) for name in PLACES}
    found = check(cut(table(tmp_path / "x", PLACES, mags), sky))
    failing = {row["name"]: row["finding"] for row in found.anchors if not row["holds"]}
    assert list(failing) == ["a03"]
    assert re.fullmatch(r"r = [\d.]+ in the aperture; wanted [\d.]+ to [\d.]+ \(catalogued r = [\d.]+\)", failing["a03"])
    assert found.code == EXIT_BREACH  # one of twelve is more than 5 %


def test_anchors_without_pixels_are_listed_and_not_counted_as_failures(tmp_path: Path) -> None:
    sky, folder = DrawnSky(PLACES), table(tmp_path / "x", PLACES)
    cut(folder, sky)
    rows = [cutout_row(name, *place, sky.image(*place) if name != "a00" else None) for name, place in PLACES.items()]
    write_cutout_rows(folder / "fewer", rows[:-1])
    words = [word.replace("anchors_cutouts", "fewer") for word in command(folder)]
    assert main(words) == EXIT_DONE
    table_rows = read_table(folder / "integrity" / "integrity.parquet", ANCHOR_INTEGRITY).to_pylist()
    unjudged = {row["name"]: row["finding"] for row in table_rows if not row["judged"]}
    assert unjudged == {
        "a00": "not judged: the cutout was refused (BRICK_MISSING)",
        "a11": "not judged: there is no cutout of it",
    }
    assert read_run(folder / "integrity")["counts"]["judged"] == 10


def test_a_check_that_random_sky_passes_as_well_supports_nothing(tmp_path: Path) -> None:
    folder = table(tmp_path / "x", PLACES)
    random = read_table(folder / "sky" / "anchors.parquet", ANCHORS).to_pylist()
    crowded = DrawnSky(PLACES | {f"r{row['name']}": (row["ra_deg"], row["dec_deg"]) for row in random})
    found = check(cut(folder, crowded))
    assert (found.code, found.counts["verdict"]) == (EXIT_BREACH, "not supported")
    assert "12 of 12 random-sky positions hold too" in found.counts["why"]


def test_too_few_anchors_support_nothing(tmp_path: Path) -> None:
    few = dict(list(PLACES.items())[:2])
    found = check(cut(table(tmp_path / "x", few), DrawnSky(few)))
    assert (found.code, found.counts["verdict"], found.counts["holding"]) == (EXIT_BREACH, "not supported", 2)


@pytest.mark.parametrize(
    ("failed", "judged", "chance", "word"),
    [
        (5, 100, (0, 100), "accepted"),
        (6, 100, (0, 100), "refused"),
        (0, 0, (0, 100), "not supported"),
        (0, 9, (0, 0), "not supported"),
    ],
)
def test_the_verdict_turns_where_more_than_one_in_twenty_fails(
    failed: int, judged: int, chance: tuple[int, int], word: str
) -> None:
    rows = [{"judged": True, "holds": n >= failed} for n in range(judged)]
    control = [{"judged": True, "holds": n < chance[0]} for n in range(chance[1])]
    verdict = verdict_on(rows, control)
    assert verdict.word == word and verdict.anchors == Tally(judged, judged - failed)


@pytest.mark.parametrize(("count", "n"), [(0, 59), (59, 59), (3, 60), (1, 2), (17, 68)])
def test_the_exact_interval_is_that_of_clopper_and_pearson(count: int, n: int) -> None:
    expected = binomtest(count, n).proportion_ci(0.95, "exact")
    found = exact_interval(count, n)
    assert (found.value, found.low, found.high) == pytest.approx((count / n, expected.low, expected.high), abs=1e-9)
    assert np.isnan(exact_interval(0, 0).low)


def test_tables_that_do_not_belong_together_are_one_error_and_leave_nothing_behind(tmp_path: Path) -> None:
    folder = cut(table(tmp_path / "x", PLACES), DrawnSky(PLACES))
    place = PLACES["a00"]
    sky = DrawnSky(PLACES)
    moved = cutout_row("a00", place[0], place[1] + 2 / 3600, sky.image(*place))
    twice = [cutout_row("a00", *place, sky.image(*place))] * 2
    blob = cutout_row("a00", *place, {"r": sky.image(*place)["r"]})
    faults: dict[str, tuple[list[dict[str, Any]], str]] = {
        "moved": ([moved], "a00 was cut 2.0 arcsec from the position in the anchors table"),
        "twice": (twice, "hold 'a00' twice; wanted one row an anchor"),
        "green": ([twice[0] | {"bands": "gz"}], "hold the bands gz; wanted r among them"),
        "empty": ([twice[0] | {"cutout_npz": b"PK"}], "is not a readable npz"),
        "lacks": ([blob | {"bands": "grz"}], "wanted images image_g, image_z"),
    }
    for name, (rows, words) in faults.items():
        write_cutout_rows(folder / name, rows)
        with pytest.raises(BAD_INPUT, match=words):
            main([word.replace("anchors_cutouts", name) for word in command(folder)])
        assert not (folder / "integrity").exists() or name == "lacks"


def test_help_tells_the_rule_and_the_way_to_the_cutouts() -> None:
    words = build_parser().format_help()
    assert all(
        part in words for part in ("within 1 arcsec", "more than 5 %", "dhs cut-hosts --anchors random_sky", "random_sky")
    )
