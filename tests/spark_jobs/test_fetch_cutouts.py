"""``dhs fetch cutouts`` as a person runs it, against a cutout service on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_DONE
from spark_jobs.transforms.fetching.fetch_journal import JOURNAL_NAME
from tests.spark_jobs.fetch_runs import fetch, fetched, table
from tests.spark_jobs.small_survey_server import Handler, SurveyServer, cube, damaged, survey_server


@pytest.fixture
def service() -> Iterator[SurveyServer]:
    """A cutout service that knows two places."""
    with survey_server() as server:

        def cutout(handler: Handler, _: bytes) -> None:
            asked = parse_qs(urlsplit(handler.path).query)
            handler.answer(200, cube(float(asked["ra"][0]), float(asked["dec"][0]), size=int(asked["size"][0])))

        server.first["/fits-cutout"] = [cutout] * 100
        yield server


def test_cutouts_are_named_after_their_rows_and_stay_in_the_directory(service: SurveyServer, tmp_path: Path) -> None:
    assert fetch(service, tmp_path, "cutouts", *table(tmp_path)) == EXIT_DONE
    found = fetched(tmp_path)
    assert sorted(name.partition("-")[0] for name in found) == ["A_..", "Lens_1.fits"]
    assert found["Lens_1.fits"] == cube(150.1, 2.2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "survey.yaml", "table.csv"]


def test_a_name_that_stands_for_another_place_is_refused_before_anything_is_asked(
    service: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(service, tmp_path, "cutouts", *table(tmp_path))
    asked = len(service.asked)
    moved = table(tmp_path, "name,ra_deg,dec_deg\nLens 1,150.2,2.2\n")
    assert fetch(service, tmp_path, "cutouts", *moved) == EXIT_BAD_INPUT
    assert "Lens_1.fits is of another position; wanted another name" in capsys.readouterr().err
    assert len(service.asked) == asked


def test_cutouts_of_another_size_do_not_join_a_directory(
    service: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(service, tmp_path, "cutouts", *table(tmp_path))
    assert fetch(service, tmp_path, "cutouts", *table(tmp_path), "--size", "32") == EXIT_BAD_INPUT
    assert "holds another fetch" in capsys.readouterr().err


def test_a_position_without_sky_is_absent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with survey_server() as server:
        server.content["/fits-cutout"] = cube(150.1, 2.2, value=0.0)
        assert fetch(server, tmp_path, "cutouts", *table(tmp_path, "name,ra_deg,dec_deg\na,150.1,2.2\n")) == EXIT_DONE
    assert "1 files: 0 fetched, 0 present, 1 absent, 0 failed" in capsys.readouterr().out
    assert fetched(tmp_path) == {}


def test_what_is_known_of_a_file_stands_beside_the_data(service: SurveyServer, tmp_path: Path) -> None:
    fetch(service, tmp_path, "cutouts", *table(tmp_path, "name,ra_deg,dec_deg\na,150.1,2.2\n"))
    first, entry = (json.loads(line) for line in (tmp_path / "out" / JOURNAL_NAME).read_text().splitlines())
    assert first["layer"] == "ls-dr10"
    assert entry["path"] == "a.fits"
    assert entry["bytes"] == len(fetched(tmp_path)["a.fits"])


def test_a_damaged_cutout_is_asked_for_again(tmp_path: Path) -> None:
    with survey_server() as server:
        content = cube(150.1, 2.2, checksum=True)
        server.content["/fits-cutout"] = content
        server.first["/fits-cutout"] = [damaged]
        assert fetch(server, tmp_path, "cutouts", *table(tmp_path, "name,ra_deg,dec_deg\na,150.1,2.2\n")) == EXIT_DONE
        assert fetched(tmp_path)["a.fits"] == content
