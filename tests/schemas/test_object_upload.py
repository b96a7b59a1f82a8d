"""An object appears whole or not at all: what is uploaded, what a failure leaves, what is asked for with it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import exceptions
from botocore.stub import Stubber

from schemas import locations, object_upload
from schemas.contract_files import TableWriter, read_table, write_entry
from schemas.file_commit import commit_bytes, unfinished_file
from schemas.finished_files import describe_file
from schemas.locations import ClientSettings, LocationError, S3Location, StoreUnreachableError, files_below
from schemas.object_upload import ENCRYPTION, abort_uploads, delete_objects, upload
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run_of_entries, read_run, standing_files
from tests.faulty_proxy import FaultyProxy, one_in
from tests.s3_store import BUCKET, S3Store
from tests.schemas.small_table import MADE_BY, SHELF, shelf_table

MB = 1 << 20


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for bytes under way."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path / "scratch"))
    return tmp_path / "scratch"


@pytest.fixture
def client(s3: S3Store) -> Iterator[Any]:
    """AWS's own client, straight to the store."""
    found = boto3.client("s3", endpoint_url=s3.url)
    yield found
    found.close()


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts as small as S3 takes them."""
    monkeypatch.setattr(object_upload, "PART_BYTES", 5 * MB)


def place(key: str) -> S3Location:
    return S3Location(BUCKET, key)


def uploads_left(client: Any) -> list[str]:
    return [one["Key"] for one in client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]


def answered(code: str, status: int) -> Exception:
    """What AWS's client raises for an answer."""
    content: Any = {"Error": {"Code": code, "Message": "so"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(content, "PutObject")


def big_file(folder: Path) -> Path:
    path = folder / "big"
    path.write_bytes(os.urandom(12 * MB))
    return path


@pytest.mark.usefixtures("in_parts")
def test_a_file_goes_up_in_one_put_and_nothing_stays_here(s3: S3Store, scratch: Path, client: Any) -> None:
    commit_bytes(place("one/a"), b"whole")
    assert place("one/a").read_bytes() == b"whole"
    assert list(scratch.iterdir()) == []
    for size, parts in ((5 * MB, ""), (5 * MB + 1, "-2")):
        commit_bytes(place("one/b"), bytes(size))
        assert re.fullmatch(f'"[0-9a-f]{{32}}{parts}"', client.head_object(Bucket=BUCKET, Key="one/b")["ETag"])


def test_where_the_writer_fails_nothing_stands_there_or_here(s3: S3Store, scratch: Path, client: Any) -> None:
    with pytest.raises(RuntimeError, match="out of paper"), unfinished_file(place("failed/a")) as path:
        path.write_bytes(b"half")
        raise RuntimeError("out of paper")
    with pytest.raises(RuntimeError, match="out of ink"), TableWriter(place("failed/b"), SHELF, MADE_BY) as writer:
        writer.add_batch(shelf_table(5))
        raise RuntimeError("out of ink")
    assert files_below(place("failed")) == [] and uploads_left(client) == [] and list(scratch.iterdir()) == []


def test_a_table_in_s3_is_described_as_one_on_disk_is(s3: S3Store, scratch: Path, tmp_path: Path) -> None:
    entry = write_entry(place("run/split=train/a.parquet"), shelf_table(7), SHELF, MADE_BY, place("run"))
    local = write_entry(tmp_path / "split=train" / "a.parquet", shelf_table(7), SHELF, MADE_BY, tmp_path)
    assert entry == local == describe_file(place("run/split=train/a.parquet"), place("run"))
    assert read_table(place("run/split=train/a.parquet"), SHELF).equals(shelf_table(7))


@pytest.mark.usefixtures("in_parts")
def test_a_large_file_goes_up_in_parts_through_a_faulty_store(
    s3: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    path = big_file(tmp_path)
    with FaultyProxy(s3.url, one_in(0.3, seed=3)).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        upload(path, place("parts/big"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    assert sum(count for fault, count in proxy.counts.items() if fault) >= 2, proxy.counts
    assert place("parts/big").read_bytes() == path.read_bytes()
    assert client.head_object(Bucket=BUCKET, Key="parts/big")["ETag"].endswith('-3"')
    assert uploads_left(client) == []


@pytest.mark.usefixtures("in_parts")
def test_an_upload_that_fails_in_its_second_part_leaves_no_object_and_no_parts(
    s3: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    monkeypatch.setattr(locations, "_ATTEMPTS", 2)
    second = FaultyProxy(s3.url, lambda method, path: "slow down" if "partNumber=2" in path else None)
    with second.running():
        monkeypatch.setenv("AWS_ENDPOINT_URL", second.url)
        with pytest.raises(StoreUnreachableError, match=f"^s3://{BUCKET}/torn/big: S3 cannot be reached for now .*SlowDown"):
            upload(big_file(tmp_path), place("torn/big"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    assert second.counts["slow down"] == 2
    assert files_below(place("torn")) == [] and uploads_left(client) == []


def test_what_a_killed_process_left_is_aborted_by_the_run_that_finishes_and_by_no_other(
    s3: S3Store, scratch: Path, client: Any
) -> None:
    for key in ("killed/split=train/a.parquet", "killed-not/a.parquet"):
        begun = client.create_multipart_upload(Bucket=BUCKET, Key=key)
        client.upload_part(Bucket=BUCKET, Key=key, PartNumber=1, UploadId=begun["UploadId"], Body=b"half")
    identity = RunIdentity("inject", "1")
    assert begin_run(place("killed"), identity) is RunState.FRESH
    entry = write_entry(place("killed/split=val/b.parquet"), shelf_table(3), SHELF, MADE_BY, place("killed"))
    state = begin_run(place("killed"), identity)
    assert state is RunState.UNFINISHED
    assert standing_files(place("killed"), state) == {"_started.json", "split=val/b.parquet"}
    finish_run_of_entries(place("killed"), identity, [entry], {}, {})
    assert uploads_left(client) == ["killed-not/a.parquet"]
    assert begin_run(place("killed"), identity) is RunState.FINISHED
    assert read_run(place("killed"))["files"] == [entry.__dict__]
    assert abort_uploads(place("killed-not")) == 1


@pytest.mark.parametrize(
    ("asked_for", "kind", "key"),
    [("AES256", "AES256", None), ("aws:kms", "aws:kms", None), ("aws:kms:alias/stamps", "aws:kms", "alias/stamps")],
)
@pytest.mark.usefixtures("in_parts")
def test_objects_carry_the_encryption_that_is_asked_for(
    s3: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Any, asked_for: str, kind: str, key: str | None
) -> None:
    monkeypatch.setenv(ENCRYPTION, asked_for)
    commit_bytes(place("secret/small"), b"s")
    upload(big_file(tmp_path), place("secret/big"))
    for name in ("secret/small", "secret/big"):
        head = client.head_object(Bucket=BUCKET, Key=name)
        assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == (kind, key)


@pytest.mark.parametrize("asked_for", ["aes256", "aws:kms:", "aws:", "kms", "aws:s3"])
def test_an_encryption_that_there_is_not_is_refused_before_anything_is_sent(
    s3: S3Store, monkeypatch: pytest.MonkeyPatch, asked_for: str
) -> None:
    monkeypatch.setenv(ENCRYPTION, asked_for)
    with pytest.raises(LocationError, match=f"DHS_S3_ENCRYPTION is '{asked_for}'; wanted AES256, aws:kms, or aws:kms:KEY"):
        commit_bytes(place("plain/a"), b"a")
    assert files_below(place("plain")) == []


def test_what_would_keep_a_file_from_going_up_is_met_before_it_is_written(s3: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(target: S3Location) -> str:
        with pytest.raises(LocationError) as raised, unfinished_file(target):
            raise RuntimeError("the work began")
        return str(raised.value)

    assert refused(S3Location(BUCKET, "")) == f"s3://{BUCKET} is a bucket; wanted a name in it for a file"
    with monkeypatch.context() as patched:
        patched.setenv(ENCRYPTION, "rot13")
        assert refused(place("early/a")).startswith("DHS_S3_ENCRYPTION is 'rot13'")
    monkeypatch.setitem(sys.modules, "boto3", None)
    object_upload._client_of.cache_clear()
    assert refused(place("early/a")).startswith("writing to s3:// needs the package 'boto3'; try: pip install")


def test_who_may_not_write_and_a_bucket_that_is_not_there_are_one_line(s3: S3Store) -> None:
    with pytest.raises(LocationError, match=r"^s3://no-such-bucket/a: there is no such bucket"):
        commit_bytes(S3Location("no-such-bucket", "a"), b"a")
    with s3.refusing_everybody(), pytest.raises(LocationError, match=rf"^s3://{BUCKET}/a: access denied"):
        commit_bytes(place("a"), b"a")


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        *((code, 400, "access denied; wanted credentials") for code in ("ExpiredToken", "InvalidAccessKeyId", "AccessDenied")),
        *((code, 403, "access denied; wanted credentials") for code in ("SignatureDoesNotMatch", "403")),
        ("NoSuchKey", 404, "there is no such object"),
        ("InvalidPart", 400, "S3 refuses"),
    ],
)
def test_what_s3_refuses_is_told_in_its_own_words(code: str, status: int, told: str) -> None:
    with pytest.raises(LocationError, match=f"^s3://{BUCKET}/a: {told}") as raised, object_upload._told(place("a")):
        raise answered(code, status)
    assert type(raised.value) is LocationError


@pytest.mark.parametrize(
    "error",
    [
        *(answered(code, 400) for code in ("RequestTimeout", "Throttling", "SlowDown")),
        *(answered(code, 503) for code in ("ServiceUnavailable", "503")),
        exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        exceptions.ReadTimeoutError(endpoint_url="http://127.0.0.1:1"),
        exceptions.ConnectionClosedError(endpoint_url="http://127.0.0.1:1"),
    ],
    ids=str,
)
def test_what_may_pass_is_an_error_of_its_own_for_an_upload_too(error: Exception) -> None:
    with pytest.raises(StoreUnreachableError, match=f"^s3://{BUCKET}/a: S3 cannot be reached"), object_upload._told(place("a")):
        raise error


def test_who_has_no_keys_is_told_so() -> None:
    with pytest.raises(LocationError, match="access denied; wanted credentials"), object_upload._told(place("a")):
        raise exceptions.NoCredentialsError()


def test_uploads_of_every_page_are_aborted_and_who_may_not_list_them_leaves_them(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ClientSettings("http://127.0.0.1:1", "eu-north-1", 1, 1, 1)
    client = object_upload._client_of(settings)
    monkeypatch.setattr(object_upload, "client_settings", lambda bucket: settings)
    first = {"IsTruncated": True, "NextKeyMarker": "run/a", "NextUploadIdMarker": "1"}
    with Stubber(client) as stubber:
        stubber.add_response("list_multipart_uploads", first | {"Uploads": [{"Key": "run/a", "UploadId": "1"}]})
        stubber.add_response("list_multipart_uploads", {"IsTruncated": False, "Uploads": [{"Key": "run/b", "UploadId": "2"}]})
        for key, number in (("run/a", "1"), ("run/b", "2")):
            stubber.add_response("abort_multipart_upload", {}, {"Bucket": BUCKET, "Key": key, "UploadId": number})
        assert abort_uploads(place("run")) == 2
        stubber.assert_no_pending_responses()
        stubber.add_client_error("list_multipart_uploads", "AccessDenied", http_status_code=403)
        assert abort_uploads(place("run")) == 0
        stubber.add_client_error("list_multipart_uploads", "NoSuchBucket", http_status_code=404)
        with pytest.raises(LocationError, match="there is no such bucket"):
            abort_uploads(place("run"))
        refused = {"Errors": [{"Key": "run/c", "Code": "AccessDenied", "Message": "not yours"}]}
        stubber.add_response("delete_objects", refused)
        with pytest.raises(LocationError, match=rf"^s3://{BUCKET}/run/c: access denied.*not yours"):
            delete_objects([place("run/c")])


def test_a_prefix_of_no_run_is_left_alone(s3: S3Store) -> None:
    s3.put_bytes("thesis/chapter.tex", b"years of work")
    with pytest.raises(RuntimeError, match=rf"s3://{BUCKET}/thesis holds files but no _started\.json"):
        begin_run(place("thesis"), RunIdentity("inject", "1"))


def test_deleted_objects_are_gone_however_many(s3: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_upload, "_AT_ONCE", 2)
    for name in "abcdef":
        s3.put_bytes(f"gone/{name}", b"x")
    delete_objects([place(f"gone/{name}") for name in "abcde"])
    assert files_below(place("gone")) == [place("gone/f")]
