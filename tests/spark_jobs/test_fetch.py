"""``dhs fetch`` as a person runs it, against a survey's server on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_BREACH, EXIT_DONE
from spark_jobs.command_line import main
from spark_jobs.survey_settings import load_survey
from spark_jobs.transforms.fetching.fetch_journal import JOURNAL_NAME
from spark_jobs.transforms.mock.mock_brick_files import BrickJob, draw_brick
from spark_jobs.transforms.mock.mock_positions import default_bricks
from spark_jobs.transforms.survey.brick_cutouts import CutoutSettings, cut_brick
from tests.conftest import REPOSITORY
from tests.spark_jobs.small_hosts import host_row, write_hosts_run
from tests.spark_jobs.small_mock_sky import small_mock
from tests.spark_jobs.small_survey_server import Handler, SurveyServer, cube, damaged, half, status, survey_file, survey_server

BRICK = "0591m305"
POSITIONS = "name,ra_deg,dec_deg\nLens 1,150.1,2.2\nÄ/..,10.0,-5.0\n"


class Sky(NamedTuple):
    """A drawn sky on disk and the names of its bricks."""

    root: Path
    bricks: list[str]

    def planes(self) -> dict[str, bytes]:
        """Bytes of each plane by its path."""
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in self.root.rglob("*.fits.fz")}


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Sky:
    root = tmp_path_factory.mktemp("sky")
    bricks = default_bricks(2)
    for brick in bricks:
        draw_brick(BrickJob(str(root), brick, small_mock()))
    return Sky(root, [brick.name for brick in bricks])


@pytest.fixture
def server(sky: Sky) -> Iterator[SurveyServer]:
    with survey_server() as server:
        server.content |= {f"/{path}": content for path, content in sky.planes().items()}
        yield server


def names(folder: Path, *bricks: str) -> list[str]:
    path = folder / "bricks.txt"
    path.write_text("".join(f"{brick}\n" for brick in bricks))
    return ["--names", str(path)]


def fetch(server: SurveyServer, folder: Path, what: str, *words: str) -> int:
    shared = ["--survey", survey_file(folder, server), "--per-second", "100", "--attempts", "2", "--timeout-seconds", "5"]
    return main(["fetch", what, "--out", str(folder / "out"), *shared, *words])


def fetched(folder: Path) -> dict[str, bytes]:
    out = folder / "out"
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return {path: content for path, content in found.items() if path != JOURNAL_NAME}


def test_a_drawn_sky_comes_over_byte_for_byte_and_is_cut_the_same(
    sky: Sky, server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(server, tmp_path, "bricks", *names(tmp_path, *sky.bricks)) == EXIT_DONE
    assert fetched(tmp_path) == sky.planes()
    assert capsys.readouterr().out == (
        "dhs fetch: 20 files: 20 fetched, 0 present, 0 absent, 0 failed; 20 unverified, since they carry no checksum; "
        f"in {tmp_path / 'out'}\n"
    )
    middle = {brick.name: np.array([[brick.ra], [brick.dec]]) for brick in default_bricks(2)}
    for name in sky.bricks:
        there, here = (
            cut_brick(CutoutSettings(root, load_survey("legacy_dr10"), 64, ("g", "r", "z")), name, *middle[name])
            for root in (sky.root, tmp_path / "out")
        )
        assert here.fault == ""
        assert here.inside.all()
        for band in "grz":
            np.testing.assert_array_equal(here.images[band], there.images[band])


def test_a_second_call_asks_for_nothing(
    sky: Sky, server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(server, tmp_path, "bricks", *names(tmp_path, *sky.bricks))
    asked = len(server.asked)
    assert fetch(server, tmp_path, "bricks", *names(tmp_path, *sky.bricks)) == EXIT_DONE
    assert len(server.asked) == asked == 20
    assert "20 files: 0 fetched, 20 present, 0 absent, 0 failed" in capsys.readouterr().out


def test_more_bricks_and_bands_may_join_a_directory(sky: Sky, server: SurveyServer, tmp_path: Path) -> None:
    assert fetch(server, tmp_path, "bricks", *names(tmp_path, sky.bricks[0]), "--bands", "g") == EXIT_DONE
    assert len(fetched(tmp_path)) == 4
    assert fetch(server, tmp_path, "bricks", *names(tmp_path, *sky.bricks)) == EXIT_DONE
    assert fetched(tmp_path) == sky.planes()
    assert len(server.asked) == 20


def test_bricks_of_hosts_are_fetched(sky: Sky, server: SurveyServer, tmp_path: Path) -> None:
    run = write_hosts_run(tmp_path / "hosts", {"hosts/a.parquet": [host_row(1, 1.0, 2.0, sky.bricks[1])]})
    assert fetch(server, tmp_path, "bricks", "--hosts", str(run)) == EXIT_DONE
    assert fetched(tmp_path) == {path: content for path, content in sky.planes().items() if sky.bricks[1] in path}


def test_a_brick_that_is_not_there_is_remembered_until_asked_again(
    sky: Sky, server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = names(tmp_path, BRICK, sky.bricks[0])
    assert fetch(server, tmp_path, "bricks", *words) == EXIT_DONE
    assert "20 files: 10 fetched, 0 present, 10 absent, 0 failed" in capsys.readouterr().out
    asked = len(server.asked)
    assert fetch(server, tmp_path, "bricks", *words) == EXIT_DONE
    assert len(server.asked) == asked
    path = f"/coadd/{BRICK[:3]}/{BRICK}/legacysurvey-{BRICK}-maskbits.fits.fz"
    server.content[path] = server.content[
        f"/coadd/{sky.bricks[0][:3]}/{sky.bricks[0]}/legacysurvey-{sky.bricks[0]}-maskbits.fits.fz"
    ]
    assert fetch(server, tmp_path, "bricks", *words, "--ask-again") == EXIT_DONE
    assert len(server.asked) == asked + 10
    assert "20 files: 1 fetched, 10 present, 9 absent, 0 failed" in capsys.readouterr().out


def test_an_address_where_nothing_is_raises_the_question_whether_it_is_right(
    server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(server, tmp_path, "bricks", *names(tmp_path, BRICK))
    assert "nothing of it exists there: is the survey's address right?" in capsys.readouterr().out


def test_what_fails_is_told_with_its_reason_and_the_same_command_goes_on(
    sky: Sky, server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planes = sorted(path for path in server.content if sky.bricks[0] in path)
    server.first[planes[0]] = [status(403)]
    server.first[planes[1]] = [half, half]
    words = names(tmp_path, sky.bricks[0])
    assert fetch(server, tmp_path, "bricks", *words) == EXIT_BREACH
    said = capsys.readouterr().out
    assert "10 files: 8 fetched, 0 present, 0 absent, 2 failed" in said
    assert f"{planes[0][1:]}: HTTP 403" in said
    assert f"{planes[1][1:]}: the line failed (IncompleteRead) (2 attempts)" in said
    assert said.endswith(f"; the same command goes on; in {tmp_path / 'out'}\n")
    assert fetch(server, tmp_path, "bricks", *words) == EXIT_DONE
    assert len(fetched(tmp_path)) == 10
    assert "Range" in server.asked_for(planes[1])[-1]


def test_a_server_that_refuses_everything_is_not_asked_a_thousand_times(
    server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bricks = [f"{number:04d}p000" for number in range(100)]
    server.first.default_factory = lambda: [status(403)]  # type: ignore[assignment]
    assert fetch(server, tmp_path, "bricks", *names(tmp_path, *bricks)) == EXIT_BREACH
    assert len(server.asked) < 40
    assert "stopped after 20 failures in a row, 980 not asked for" in capsys.readouterr().out


def stands(folder: Path) -> int:
    """How many files have got their names."""
    return sum(path.is_file() and path.name.startswith("legacysurvey") for path in (folder / "out").rglob("*"))


def test_a_fetch_that_is_killed_goes_on_in_the_middle_of_a_file(sky: Sky, server: SurveyServer, tmp_path: Path) -> None:
    stuck = sorted(path for path in server.content if sky.bricks[0] in path)[4]

    def stall(handler: Handler, content: bytes) -> None:
        half(handler, content)
        server.released.wait()

    server.first[stuck] = [stall]
    words = ["fetch", "bricks", *names(tmp_path, sky.bricks[0]), "--out", str(tmp_path / "out")]
    words += ["--survey", survey_file(tmp_path, server), "--per-second", "100"]
    command = [sys.executable, "-c", "import sys; from spark_jobs.command_line import main; sys.exit(main(sys.argv[1:]))"]
    process = subprocess.Popen([*command, *words], cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    partial = tmp_path / "out" / stuck[1:]
    partial = partial.with_name(f".{partial.name}.part")
    try:
        until = time.monotonic() + 60
        while not (stands(tmp_path) == 9 and partial.exists() and partial.stat().st_size):
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    asked = len(server.asked)
    assert fetch(server, tmp_path, "bricks", *names(tmp_path, sky.bricks[0])) == EXIT_DONE
    assert [path for path, _ in server.asked[asked:]] == [stuck]
    assert server.asked[-1][1]["Range"].startswith("bytes=")
    assert fetched(tmp_path) == {path: content for path, content in sky.planes().items() if sky.bricks[0] in path}


def table(folder: Path, text: str = POSITIONS) -> list[str]:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return ["--positions", str(path), "--size", "16"]


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


def test_a_survey_without_addresses_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with survey_server() as server:
        path = Path(survey_file(tmp_path, server))
    path.write_text(path.read_text()[: path.read_text().index("downloads:")])
    out = ["--out", str(tmp_path / "out"), "--survey", str(path)]
    assert main(["fetch", "bricks", *names(tmp_path, BRICK), *out]) == EXIT_BAD_INPUT
    assert "has no downloads.coadd_url; wanted one in its YAML" in capsys.readouterr().err
    assert main(["fetch", "cutouts", *table(tmp_path), *out]) == EXIT_BAD_INPUT
    assert "has no downloads.cutout_url" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--out", "s3://bucket/dr10"], "wanted a local path"),
        (["--per-second", "0"], "--per-second 0.0; wanted 0.01 to 100"),
        (["--per-second", "nan"], "--per-second nan; wanted 0.01 to 100"),
        (["--at-once", "1000"], "--at-once 1000; wanted 1 to 32"),
        (["--bands", "gx"], "bands 'gx'"),
        (["--survey", "nowhere"], "survey 'nowhere' is neither"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["fetch", "bricks", *names(tmp_path, BRICK), "--out", str(tmp_path / "out"), *words]
    assert main(given) == EXIT_BAD_INPUT
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_the_shipped_survey_names_its_servers() -> None:
    downloads = load_survey("legacy_dr10").downloads
    assert downloads.coadd_url == "https://portal.nersc.gov/cfs/cosmo/data/legacysurvey/dr10/south/coadd"
    assert downloads.cutout_url == "https://www.legacysurvey.org/viewer/fits-cutout"
    assert downloads.cutout_layer == "ls-dr10"
