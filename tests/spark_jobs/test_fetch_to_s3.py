"""``dhs fetch --out s3://...``: what stands there is whole, and a fetch that was cut off goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import fs

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_BREACH, EXIT_DONE
from schemas.locations import LocationError, S3Location, location
from spark_jobs.transforms.fetching import s3_target
from spark_jobs.transforms.fetching.fetch_clock import FetchClock
from spark_jobs.transforms.fetching.fetch_journal import JOURNAL_NAME
from spark_jobs.transforms.fetching.partial_file import PartialFile
from spark_jobs.transforms.fetching.s3_target import S3Target
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.fetch_runs import fetch, names, table
from tests.spark_jobs.small_hosts import host_row, write_hosts_run
from tests.spark_jobs.small_survey_server import SurveyServer, cube, half, plane, survey_file, survey_server

BRICK = "0591m305"
PLANES = [
    f"/coadd/059/{BRICK}/legacysurvey-{BRICK}-{kind}.fits.fz" for kind in ("image-g", "invvar-g", "psfsize-g", "maskbits")
]


@pytest.fixture
def server() -> Iterator[SurveyServer]:
    with survey_server() as server:
        server.content |= {path: plane(number) for number, path in enumerate(PLANES)}
        yield server


def into(prefix: str, folder: Path) -> list[str]:
    return ["--out", f"s3://{BUCKET}/{prefix}", "--scratch", str(folder / "scratch")]


def bricks(server: SurveyServer, folder: Path, prefix: str, *words: str) -> int:
    return fetch(server, folder, "bricks", *names(folder, BRICK), "--bands", "g", *into(prefix, folder), *words)


def stored(s3: S3Store, prefix: str) -> dict[str, bytes]:
    store = s3.file_system()
    infos = store.get_file_info(fs.FileSelector(f"{BUCKET}/{prefix}", recursive=True, allow_not_found=True))
    found = {}
    for info in infos:
        if info.type == fs.FileType.File:
            with store.open_input_stream(info.path) as stream:
                found[info.path.removeprefix(f"{BUCKET}/{prefix}")] = stream.read()
    return found


def data(s3: S3Store, prefix: str) -> dict[str, bytes]:
    return {path: content for path, content in stored(s3, prefix).items() if path != f"/{JOURNAL_NAME}"}


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "scratch").rglob("*") if path.is_file())


def partial_of(target: S3Target, content: bytes) -> PartialFile:
    partial = PartialFile(target.folder / "a.fits")
    with partial.begin("http://x/a", len(content), '"x"') as stream:
        stream.write(content)
    return partial


def test_planes_go_up_byte_for_byte_with_the_journal_beside_them_and_nothing_stays_here(
    s3: S3Store, server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bricks(server, tmp_path, "one/dr10") == EXIT_DONE
    assert data(s3, "one/dr10") == server.content
    assert capsys.readouterr().out == (
        f"dhs fetch: 4 files: 4 fetched, 0 present, 0 absent, 0 failed; in s3://{BUCKET}/one/dr10\n"
    )
    journal = stored(s3, "one/dr10")[f"/{JOURNAL_NAME}"].decode().splitlines()
    assert sorted(f"/{json.loads(line)['path']}" for line in journal[1:]) == sorted(PLANES)
    assert left_in(tmp_path) == [JOURNAL_NAME]
    assert not (tmp_path / "out").exists()


def test_a_second_call_from_another_machine_asks_the_server_for_nothing(
    s3: S3Store, server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bricks(server, tmp_path, "two")
    asked, put = len(server.asked), len(s3.requests())
    (tmp_path / "elsewhere").mkdir()
    assert bricks(server, tmp_path / "elsewhere", "two") == EXIT_DONE
    assert len(server.asked) == asked
    assert "0 fetched, 4 present, 0 absent, 0 failed" in capsys.readouterr().out
    new = [(method, path.partition("?")[0]) for method, path in s3.requests()[put:]]
    assert [path for method, path in new if method == "PUT"] == [f"{BUCKET}/two/{JOURNAL_NAME}"]
    assert not [path for _, path in new if path.endswith(".fz")]  # the listing is enough


def test_what_the_journal_does_not_name_is_looked_at_and_what_is_damaged_is_fetched_anew(
    s3: S3Store, server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bricks(server, tmp_path, "three")
    s3.file_system().delete_file(f"{BUCKET}/three/{JOURNAL_NAME}")
    s3.put_bytes(f"three{PLANES[1]}", server.content[PLANES[1]][:3000])
    asked = len(server.asked)
    capsys.readouterr()
    assert bricks(server, tmp_path, "three") == EXIT_DONE
    assert [path for path, _ in server.asked[asked:]] == [PLANES[1]]
    assert "1 fetched, 3 present" in capsys.readouterr().out
    assert data(s3, "three") == server.content
    assert left_in(tmp_path) == [JOURNAL_NAME]


def test_a_download_that_was_cut_off_is_not_there_and_goes_on(s3: S3Store, server: SurveyServer, tmp_path: Path) -> None:
    server.first[PLANES[0]] = [half, half]
    assert bricks(server, tmp_path, "four") == EXIT_BREACH
    assert PLANES[0] not in data(s3, "four")
    assert len(data(s3, "four")) == 3
    assert bricks(server, tmp_path, "four") == EXIT_DONE
    assert "Range" in server.asked_for(PLANES[0])[-1]
    assert data(s3, "four") == server.content


def test_where_the_upload_fails_nothing_stands_and_the_next_call_does_not_ask_the_server_again(
    s3: S3Store, server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(path: Path, place: S3Location) -> None:
        raise LocationError(f"{place}: S3 refuses")

    with monkeypatch.context() as patch:
        patch.setattr(s3_target, "upload", refusing)
        assert bricks(server, tmp_path, "five", "--at-once", "1") == EXIT_BAD_INPUT
    assert "S3 refuses" in capsys.readouterr().err
    assert data(s3, "five") == {}
    here = [path for path in (tmp_path / "scratch").rglob("*.part") if path.is_file()]
    whole = [path for path in here if path.read_bytes() in server.content.values()]  # a second one may be cut by the stop
    asked = len(server.asked)
    assert whole
    assert bricks(server, tmp_path, "five") == EXIT_DONE
    assert len(server.asked) == asked + 4 - len(whole)
    assert data(s3, "five") == server.content


def test_an_upload_that_s3_refuses_leaves_the_bytes_here_and_nothing_there(s3: S3Store, tmp_path: Path) -> None:
    target = S3Target(location(f"s3://{BUCKET}/refused"), tmp_path, FetchClock())  # type: ignore[arg-type]
    partial = partial_of(target, b"1234")
    with s3.refusing_everybody(), pytest.raises(LocationError, match=f"s3://{BUCKET}/refused/a.fits"):
        target.settle(partial, "a.fits")
    assert partial.path.read_bytes() == b"1234"
    assert target.bytes_of("a.fits") is None
    assert data(s3, "refused") == {}
    assert target.settle(partial, "a.fits") == target.bytes_of("a.fits") == 4
    assert data(s3, "refused") == {"/a.fits": b"1234"}


def test_the_journal_goes_up_now_and_then_so_that_a_kill_loses_a_minute(
    s3: S3Store, server: SurveyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def puts(prefix: str) -> int:
        journal = f"{BUCKET}/{prefix}/{JOURNAL_NAME}"
        return sum(method == "PUT" and path.partition("?")[0] == journal for method, path in s3.requests())

    bricks(server, tmp_path, "six", "--at-once", "1")
    assert puts("six") == 1
    monkeypatch.setattr(s3_target, "PUBLISH_SECONDS", -1.0)
    bricks(server, tmp_path, "seven", "--at-once", "1")
    assert puts("seven") == 5


def test_another_fetch_does_not_join_a_prefix_and_a_moved_name_is_refused(
    s3: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with survey_server() as service:
        service.content["/fits-cutout"] = cube(150.1, 2.2)
        words = table(tmp_path, "name,ra_deg,dec_deg\na,150.1,2.2\n")
        assert fetch(service, tmp_path, "cutouts", *words, *into("cubes", tmp_path)) == EXIT_DONE
        assert data(s3, "cubes") == {"/a.fits": cube(150.1, 2.2)}
        assert fetch(service, tmp_path, "cutouts", *words, *into("cubes", tmp_path), "--size", "32") == EXIT_BAD_INPUT
        assert f"s3://{BUCKET}/cubes holds another fetch" in capsys.readouterr().err
        moved = table(tmp_path, "name,ra_deg,dec_deg\na,150.2,2.2\n")
        assert fetch(service, tmp_path, "cutouts", *moved, *into("cubes", tmp_path)) == EXIT_BAD_INPUT
    assert f"s3://{BUCKET}/cubes/a.fits is of another position; wanted another name" in capsys.readouterr().err


def test_a_bucket_that_is_not_there_is_told_before_the_server_is_asked(
    s3: S3Store, server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*names(tmp_path, BRICK), "--bands", "g", "--out", "s3://no-such-bucket/a", "--scratch", str(tmp_path / "scratch")]
    assert fetch(server, tmp_path, "bricks", *words) == EXIT_BAD_INPUT
    assert "there is no such bucket" in capsys.readouterr().err
    assert server.asked == []


def test_what_is_wanted_may_be_named_in_s3(
    s3: S3Store, server: SurveyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = write_hosts_run(tmp_path / "hosts", {"hosts.parquet": [host_row(1, 59.0, -30.0, BRICK)]})
    lists = {"--names": s3.put_bytes("asked/bricks.txt", f"{BRICK}  # one\n".encode()), "--hosts": s3.put(hosts, "asked/hosts")}
    survey = s3.put_bytes("asked/survey.yaml", Path(survey_file(tmp_path, server)).read_bytes())
    for option, place in lists.items():
        assert fetch(server, tmp_path, "bricks", option, place, "--bands", "g", "--survey", survey) == EXIT_DONE
        assert "dhs fetch: 4 files: " in capsys.readouterr().out
    csv = s3.put_bytes("asked/table.csv", Path(table(tmp_path, "name,ra_deg,dec_deg\nA,150.1,2.2\n")[1]).read_bytes())
    server.content["/fits-cutout"] = cube(150.1, 2.2)
    assert fetch(server, tmp_path, "cutouts", "--positions", csv, "--size", "16", "--out", str(tmp_path / "cubes")) == EXIT_DONE
    assert (tmp_path / "cubes" / "A.fits").is_file()
    absent = f"s3://{BUCKET}/asked/nothing"
    assert fetch(server, tmp_path, "cutouts", "--positions", absent) == EXIT_BAD_INPUT
    assert f"dhs fetch: error: table of positions {absent} is not there" in capsys.readouterr().err
    assert fetch(server, tmp_path, "bricks", "--names", absent) == EXIT_BAD_INPUT
    assert f"dhs fetch: error: {absent}: there is no such object" in capsys.readouterr().err
