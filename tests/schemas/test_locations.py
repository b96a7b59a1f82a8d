"""Places on disk and in S3: told apart, read alike, and refused in one line where S3 does not give what was asked."""

from __future__ import annotations

import io
import pickle
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas import bucket_region, locations
from schemas.contract import ContractError
from schemas.contract_files import open_parquet, read_table
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_UNREACHABLE, run_job
from schemas.locations import (
    LocationError,
    S3Location,
    StoreUnreachableError,
    chunks_of,
    local_path,
    location,
    map_in_order,
    raise_if_of_store,
    relative_path,
    whole,
)
from schemas.run_record import FINISHED_NAME, RunError, read_run, run_files
from schemas.stamps import STAMPS
from tests.faulty_proxy import FAULTS, FaultyProxy
from tests.s3_store import BUCKET, S3Store
from tests.synthetic_stamps import StampsDirectory


def test_a_path_stays_a_path_and_an_address_keeps_its_two_slashes() -> None:
    assert location("run/stamps") == Path("run/stamps")
    assert location(Path("/run/stamps")) == Path("/run/stamps")
    place = location("s3://bucket/a/b/")
    assert place == S3Location("bucket", "a/b") and str(place) == "s3://bucket/a/b"
    assert str(place / "split=val/c.parquet") == "s3://bucket/a/b/split=val/c.parquet"
    assert str(location("s3://bucket") / "a") == "s3://bucket/a"
    assert location(str(place)) == place == pickle.loads(pickle.dumps(place)) == location(place)


@pytest.mark.parametrize("directory", ["run/stamps", "/run/stamps", "s3://bucket/stamps", "s3://bucket"])
def test_the_relative_path_of_a_file_is_the_same_on_disk_and_in_s3(directory: str) -> None:
    place = location(directory)
    assert relative_path(place / "split=val/a.parquet", place) == "split=val/a.parquet"


@pytest.mark.parametrize("text", ["s3://", "s3:///key"])
def test_an_address_without_a_bucket_is_refused(text: str) -> None:
    with pytest.raises(LocationError, match="names no bucket; wanted s3://bucket/prefix"):
        location(text)


def test_an_output_that_lies_on_disk_only_is_refused_and_makes_no_directory_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from spark_jobs import demo

    monkeypatch.chdir(tmp_path)
    assert local_path("out") == Path("out")
    assert run_job("demo", demo.main, ["--out", "s3://bucket/out"]) == EXIT_BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith("dhs demo: error: s3://bucket/out: this option takes no s3://; wanted a local path here")
    assert list(tmp_path.iterdir()) == []


def test_answers_come_in_the_order_of_the_places_also_where_many_are_asked_at_a_time() -> None:
    places = [S3Location("bucket", str(n)) for n in range(200)]
    assert map_in_order(lambda place: int(place.key), places) == list(range(200))
    assert map_in_order(str, [Path("b"), Path("a")]) == ["b", "a"]
    assert map_in_order(str, []) == []


def test_an_object_is_read_as_a_file_is(s3: S3Store) -> None:
    address = location(s3.put_bytes("small/text", "θ".encode()))
    assert address.exists() and address.is_file()
    assert address.read_bytes() == "θ".encode() and address.read_text() == "θ"
    assert address.name == "text"
    assert not location(f"s3://{BUCKET}/small").exists(), "a prefix is no object"
    assert not (location(f"s3://{BUCKET}/small") / "other").exists()


def test_a_run_and_its_tables_are_the_same_in_s3_as_on_disk(s3: S3Store, stamps_directory: StampsDirectory) -> None:
    stamps = stamps_directory.stamps
    there = location(s3.put(stamps, "same/stamps"))
    assert read_run(there) == read_run(stamps)
    local, remote = run_files(stamps, STAMPS, "split="), run_files(there, STAMPS, "split=")
    assert [relative_path(path, stamps) for path in local] == [relative_path(path, there) for path in remote]
    assert all(read_table(a, STAMPS).equals(read_table(b, STAMPS)) for a, b in zip(local, remote, strict=True))


def test_an_absent_run_object_or_bucket_is_said_to_be_that(s3: S3Store) -> None:
    with pytest.raises(RunError, match=rf"s3://{BUCKET}/nothing holds no run: _run.json is not there"):
        read_run(location(f"s3://{BUCKET}/nothing"))
    s3.put_bytes("begun/_started.json", b"{}")
    with pytest.raises(RunError, match="holds an unfinished run"):
        read_run(location(f"s3://{BUCKET}/begun"))
    with pytest.raises(LocationError, match=rf"^s3://{BUCKET}/nothing: there is no such object$"):
        location(f"s3://{BUCKET}/nothing").read_bytes()
    with pytest.raises(LocationError, match=r"^s3://no-such-bucket: there is no such bucket"):
        read_run(location("s3://no-such-bucket/stamps"))


def test_a_file_that_the_record_names_and_s3_lacks_is_named(s3: S3Store, stamps_directory: StampsDirectory) -> None:
    s3.put_bytes(f"lacking/{FINISHED_NAME}", (stamps_directory.stamps / FINISHED_NAME).read_bytes())
    with pytest.raises(RunError, match=rf"s3://{BUCKET}/lacking/split=test/\S+ is in the record of the run but not there"):
        run_files(location(f"s3://{BUCKET}/lacking"), STAMPS, "split=test/")


def test_a_truncated_object_is_a_broken_contract(s3: S3Store, stamps_directory: StampsDirectory) -> None:
    (path,) = (stamps_directory.stamps / "split=val").glob("*.parquet")
    address = s3.put_bytes("short.parquet", path.read_bytes()[:-100])
    with pytest.raises(ContractError, match=r"s3://\S+/short.parquet is not a readable Parquet file"):
        open_parquet(location(address), STAMPS)


def test_a_flipped_byte_in_s3_is_seen_by_the_pages_checksum(s3: S3Store, stamps_directory: StampsDirectory) -> None:
    (path,) = (stamps_directory.stamps / "split=val").glob("*.parquet")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    address = s3.put_bytes("flipped.parquet", bytes(content))
    with pytest.raises(ContractError, match=r"flipped\.parquet is damaged: .*CRC"):
        read_table(location(address), STAMPS)


def test_who_may_not_read_is_told_so_in_one_line(s3: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    address = s3.put_bytes("secret", b"s")
    with s3.refusing_everybody():
        assert run_job("train", lambda _: len(location(address).read_bytes()), []) == EXIT_BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith(f"dhs train: error: {address}: access denied; wanted credentials that may read it")
    assert error.count("\n") == 1


def test_a_store_that_is_not_there_is_an_error_of_its_own_that_may_pass(
    s3: S3Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locations, "_ATTEMPTS", 2)
    with socket.socket() as listener:  # bound and not listening: nobody else answers here
        listener.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert run_job("score", lambda _: len(read_run(location(f"s3://{BUCKET}/x"))), []) == EXIT_UNREACHABLE
    error = capsys.readouterr().err
    assert "S3 cannot be reached; wanted a network, and AWS_ENDPOINT_URL and AWS_REGION as they should be" in error
    assert error.count("\n") == 1


def test_a_store_that_says_nothing_is_not_waited_for_without_end(s3: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locations, "_SILENCE_SECONDS", 1)
    monkeypatch.setattr(locations, "_ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(StoreUnreachableError, match="cannot be reached"):
            location(f"s3://{BUCKET}/x").exists()


@pytest.mark.parametrize(
    "seen",
    [
        *("SLOW_DOWN", "INTERNAL_FAILURE", "SERVICE_UNAVAILABLE", "REQUEST_TIMEOUT", "THROTTLING", "NETWORK_CONNECTION"),
        *("UNKNOWN (HTTP status 502)", "UNKNOWN (HTTP status 500)"),
    ],
)
def test_a_store_that_is_overloaded_may_be_asked_again(seen: str) -> None:
    with pytest.raises(StoreUnreachableError, match=r"^s3://b/k: S3 cannot be reached"):  # as the launcher looks for
        raise_if_of_store("s3://b/k", OSError(f"When reading: AWS Error {seen} during GetObject operation: later"))


@pytest.mark.parametrize("seen", ["ACCESS_DENIED", "INVALID_SIGNATURE", "UNKNOWN (HTTP status 403)", "NO_SUCH_BUCKET"])
def test_what_a_store_refuses_for_good_does_not_pass(seen: str) -> None:
    with pytest.raises(LocationError, match=r"^s3://b/k: ") as raised:
        raise_if_of_store("s3://b/k", OSError(f"When reading: AWS Error {seen} during GetObject operation: no"))
    assert type(raised.value) is LocationError


@pytest.mark.parametrize("seen", ["CRC mismatch", "AWS Error UNKNOWN (HTTP status 416) during GetObject operation: too far"])
def test_what_is_said_of_the_bytes_is_no_refusal_of_the_store(seen: str) -> None:
    raise_if_of_store("s3://b/k", OSError(seen))


READERS: list[Callable[[S3Location], bytes]] = [S3Location.read_bytes, lambda place: b"".join(chunks_of(place))]


@pytest.mark.parametrize("read", READERS, ids=["bytes", "chunks"])
@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_fails_once_comes_whole_the_second_time(
    s3: S3Store, monkeypatch: pytest.MonkeyPatch, read: Callable[..., bytes], fault: str
) -> None:
    content = bytes(range(256)) * 100
    place, left = location(s3.put_bytes("whole/long", content)), iter([fault])
    with FaultyProxy(s3.url, lambda method, path: next(left, None) if method == "GET" else None).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        assert read(place) == content
    assert proxy.counts[fault] == 1


@pytest.mark.parametrize("read", READERS, ids=["bytes", "chunks"])
@pytest.mark.parametrize("times", [4, 5])
def test_a_refusal_of_more_words_than_bytes_were_asked_for_is_asked_again_four_times(
    s3: S3Store, monkeypatch: pytest.MonkeyPatch, read: Callable[..., bytes], times: int
) -> None:
    monkeypatch.setattr(locations, "_FIRST_WAIT_SECONDS", 0.001)
    place, left = location(s3.put_bytes("whole/short", b"few")), iter(["slow down"] * times)
    with FaultyProxy(s3.url, lambda method, path: next(left, None) if method == "GET" else None).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        if times == 4:
            assert read(place) == b"few"
        else:
            with pytest.raises(StoreUnreachableError, match=rf"^s3://{BUCKET}/whole/short: S3 cannot be reached"):
                read(place)
    assert proxy.counts["slow down"] == times


def test_what_is_no_such_refusal_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def question() -> None:
        asked.append(1)
        raise OSError("CRC mismatch")

    with pytest.raises(OSError, match="CRC"):
        whole(question)
    assert asked == [1]


def test_an_object_that_ends_before_its_end_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ending(io.BytesIO):
        def size(self) -> int:
            return 10

    monkeypatch.setattr(S3Location, "open", lambda self: Ending(b"1234567"))
    with pytest.raises(StoreUnreachableError, match=r"^s3://b/k: S3 cannot be reached for now: it ended 3 bytes .*end$"):
        list(chunks_of(S3Location("b", "k")))


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "http://", "ftp://127.0.0.1"])
def test_an_endpoint_that_is_no_address_is_refused(s3: S3Store, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    with pytest.raises(LocationError, match=r"wanted http://host:port or https://host"):
        location(f"s3://{BUCKET}/x").exists()


def test_the_endpoint_of_s3_wins_and_one_without_a_region_is_asked_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert locations.client_settings("b") == locations.ClientSettings("http://127.0.0.1:1", "us-east-1", 5, 10, 5)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://here")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert locations.client_settings("b") == locations.ClientSettings("https://here", "eu-north-1", 5, 10, 5)


def test_the_region_is_the_environments_or_else_the_buckets_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(locations, "bucket_region", lambda bucket, seconds: {"theirs": "ap-south-1"}[bucket])
    assert locations.store("theirs").region == "ap-south-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert locations.store("theirs").region == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert locations.store("theirs").region == "eu-north-1"


def test_a_region_that_nobody_tells_is_one_line_that_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(bucket_region, "_ANSWERS_FOR_ALL", "http://127.0.0.1:1")
    assert run_job("audit", lambda _: len(read_run(location("s3://of-nobody/x"))), []) == EXIT_UNREACHABLE
    error = capsys.readouterr().err
    told = "S3 cannot be reached to tell its region; wanted AWS_REGION, or a network ("
    assert error.startswith(f"dhs audit: error: s3://of-nobody: {told}")
    assert error.count("\n") == 1
