"""``dhs fetch bricks`` as a person runs it, against a survey's server on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_BREACH, EXIT_DONE
from spark_jobs.command_line import main
from spark_jobs.survey_settings import load_survey
from spark_jobs.transforms.mock.mock_positions import default_bricks
from spark_jobs.transforms.survey.brick_cutouts import CutoutSettings, cut_brick
from tests.conftest import REPOSITORY
from tests.spark_jobs.fetch_runs import BRICK, Sky, draw_sky, fetch, fetched, names, table
from tests.spark_jobs.small_hosts import host_row, write_hosts_run
from tests.spark_jobs.small_survey_server import Handler, SurveyServer, half, status, survey_file, survey_server


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Sky:
    return draw_sky(tmp_path_factory.mktemp("sky"))


@pytest.fixture
def server(sky: Sky) -> Iterator[SurveyServer]:
    with survey_server() as server:
        server.content |= {f"/{path}": content for path, content in sky.planes().items()}
        yield server


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
        (["--out", "s3://"], "names no bucket"),
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
