"""dhs audit of runs in S3: it says what it says of the same runs on disk, and finds what was done to an object."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_BREACH, EXIT_DONE, run_job
from schemas.locations import Location, S3Location, location
from schemas.run_record import FINISHED_NAME
from schemas.stamps import STAMPS
from spark_jobs import audit
from spark_jobs.audit import audit_directory
from spark_jobs.transforms.audits.files_at_hand import all_at_hand, each_at_hand
from spark_jobs.transforms.bank.bank_file import write_bank
from spark_jobs.transforms.bank.bank_template import Census
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.audit_damage import Damaged, rewrite
from tests.spark_jobs.small_bank import template
from tests.synthetic_stamps import StampsDirectory

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where copies lie while they are looked at; what is left there but banks fails the test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(folder))
    yield folder
    assert [path.name for path in folder.iterdir() if not path.name.startswith("dhs-banks-")] == []


class There(Damaged):
    """A copy on disk that a test may break, and the same in S3."""

    def put(self, s3: S3Store, prefix: str) -> tuple[S3Location, S3Location]:
        """Stamps and plan as they are now."""
        places = location(s3.put(self.stamps, f"{prefix}/stamps")), location(s3.put(self.plan, f"{prefix}/plan"))
        assert all(isinstance(place, S3Location) for place in places)
        return places  # type: ignore[return-value]


@pytest.fixture
def there(clean: StampsDirectory, tmp_path: Path, scratch: Path) -> There:
    copy = Damaged.copy_of(clean, tmp_path)
    return There(copy.plan, copy.stamps)


def said(stamps: Location, plan: Location | None = None, bank: Location | None = None, **options: Any) -> dict[str, Any]:
    """All that an audit says, but for the directory's name and the folder that a message names."""
    content = audit_directory(stamps, plan, bank, **options).as_json() | {"stamps": ""}
    return dict(json.loads(re.sub(r"'/[^']*/", "'", json.dumps(content))))


def failed(stamps: Location, plan: Location | None = None, **options: Any) -> dict[str, str]:
    return {check.name: check.found for check in audit_directory(stamps, plan, **options).breaches}


@pytest.mark.parametrize("pixels", [True, False])
def test_the_same_run_is_said_to_be_the_same(s3: S3Store, there: There, tmp_path: Path, pixels: bool) -> None:
    bank = tmp_path / "bank.h5"
    write_bank(bank, [template(1)], 32, {}, Census(1, 1))
    shutil.copy(files("spark_jobs") / "recipes" / "realistic.yaml", there.plan / "recipe.yaml")
    stamps, plan = there.put(s3, f"same-{pixels}")
    bank_there = location(s3.put_bytes("same/bank.h5", bank.read_bytes()))
    on_disk = said(there.stamps, there.plan, bank, pixels=pixels)
    assert said(stamps, plan, bank_there, pixels=pixels) == on_disk
    assert {check["name"] for check in on_disk["checks"] if check["verdict"] == "FAIL"} == {"split rule"}, "cells are made up"


def test_each_object_is_read_once(s3: S3Store, there: There) -> None:
    stamps, _ = there.put(s3, "once")
    before = len(s3.requests())
    audit_directory(stamps)
    read = [path for verb, path in s3.requests()[before:] if verb == "GET" and path.endswith(".parquet")]
    recorded = [entry["path"] for entry in json.loads((there.stamps / FINISHED_NAME).read_text())["files"]]
    assert sorted(read) == sorted(f"{BUCKET}/once/stamps/{path}" for path in recorded)


def test_one_changed_byte_of_a_blob_is_found_by_hash_and_by_checksum(s3: S3Store, there: There) -> None:
    path = there.file("train")
    blob = next(row["stamp_npz"] for row in there.rows("train") if row["stamp_npz"])
    content = bytearray(path.read_bytes())
    content[content.index(blob) + len(blob) // 2] ^= 1
    path.write_bytes(content)
    stamps, plan = there.put(s3, "blob")
    found = failed(stamps, plan)
    assert set(found) == {"files match the record", "blob pages"}
    assert "has SHA-256" in found["files match the record"] and "row group 0" in found["blob pages"]
    assert failed(stamps, plan, pixels=False) == {}, "what --metadata-only does not read"


@pytest.mark.parametrize("split", ["index/split-val", "val"])
def test_one_changed_byte_of_any_file_is_found_by_its_hash(s3: S3Store, there: There, split: str) -> None:
    path = there.index("val") if split.startswith("index") else there.file("val")
    content = bytearray(path.read_bytes())
    content[6] ^= 1  # of the first page's header
    path.write_bytes(content)
    stamps, _ = there.put(s3, f"byte/{split}")
    assert "has SHA-256" in failed(stamps)["files match the record"]


def test_an_absent_and_a_stray_object_are_found(s3: S3Store, there: There) -> None:
    there.file("val").rename(there.stamps / "split=val" / "stray.parquet")
    (there.stamps / "split=val" / ".hidden.parquet").write_bytes(b"")
    (there.stamps / "notes.txt").write_text("seen by nobody")
    stamps, _ = there.put(s3, "stray")
    found = failed(stamps)["files match the record"]
    assert re.fullmatch(r"split=val/\S+ is recorded and not there; split=val/stray.parquet is there and not recorded", found)


@pytest.mark.parametrize("path", ["../plan/tasks/shard-00000.parquet", "split=val/../../plan/tasks/shard-00000.parquet", "/a"])
def test_a_record_that_points_out_of_the_prefix_is_a_breach(s3: S3Store, there: There, path: str) -> None:
    entries = json.loads((there.stamps / FINISHED_NAME).read_text())["files"]
    there.set_record(files=[entries[0] | {"path": path}, *entries[1:]])
    stamps, _ = there.put(s3, "out")
    assert "outside the directory" in failed(stamps)["run record"]


def cut(content: bytes) -> bytes:
    return content[:-200]


def emptied(content: bytes) -> bytes:
    return b""


def without_footer(content: bytes) -> bytes:
    """The footer's own bytes are spoilt, its length and mark are not."""
    return content[:-400] + b"\xff" * 392 + content[-8:]


@pytest.mark.parametrize("pixels", [True, False])
@pytest.mark.parametrize("broken", [cut, emptied, without_footer])
def test_a_broken_object_is_said_to_be_what_it_is_on_disk(
    s3: S3Store, there: There, broken: Callable[[bytes], bytes], pixels: bool
) -> None:
    path = there.file("val")
    path.write_bytes(broken(path.read_bytes()))
    stamps, plan = there.put(s3, f"broken/{broken.__name__}")
    on_disk = said(there.stamps, there.plan, pixels=pixels)
    assert said(stamps, plan, pixels=pixels) == on_disk
    assert {row["split"] for row in on_disk["rows"]} == {"train", "test"}


def test_an_index_out_of_step_is_found(s3: S3Store, there: There) -> None:
    there.change("val", lambda rows: rows.reverse(), index=False)
    stamps, plan = there.put(s3, "index")
    assert set(failed(stamps, plan)) == {"index against stamps"}


def test_a_copy_that_stays_holds_every_byte_at_its_place_but_those_of_the_blobs(
    s3: S3Store, there: There, tmp_path: Path
) -> None:
    path = there.file("train")
    rewrite(path, there.rows("train"), STAMPS.names)  # in groups of four rows
    place = location(s3.put_bytes("copy/a.parquet", path.read_bytes()))
    expected = bytearray(path.read_bytes())
    with pq.ParquetFile(path) as file:
        groups = [file.metadata.row_group(n) for n in range(file.num_row_groups)]
    assert len(groups) > 1
    for group in groups:
        (blob,) = (group.column(n) for n in range(group.num_columns) if group.column(n).path_in_schema == "stamp_npz")
        start = blob.dictionary_page_offset or blob.data_page_offset
        expected[start : start + blob.total_compressed_size] = bytes(blob.total_compressed_size)
    (copy,) = all_at_hand(place.parent, [place], tmp_path / "copies")
    assert copy.read_bytes() == expected
    for copy in each_at_hand(place.parent, ["a.parquet"], tmp_path / "whole", pixels=True):
        assert copy.read_bytes() == path.read_bytes()
    assert copy.read_bytes() == expected, "once its turn is over"


def command(*words: object) -> int:
    return run_job("audit", audit.main, [str(word) for word in words])


def test_the_command_takes_addresses_and_writes_its_json_there(s3: S3Store, there: There, capsys: Printed) -> None:
    stamps, plan = there.put(s3, "command")
    out = f"s3://{BUCKET}/command/audit.json"
    assert command("--stamps", stamps, "--plan", plan, "--json", out) == EXIT_DONE
    printed = capsys.readouterr().out
    assert printed.startswith(f"Audit of {stamps}\n")
    assert "dhs audit: 25 checks: 21 pass, 4 not checked" in printed
    content = json.loads(location(out).read_bytes())
    assert content["stamps"] == str(stamps) and content["verdict"] == "pass"
    there.change("train", lambda rows: rows.append(dict(rows[0])))
    there.put(s3, "command")
    assert command("--stamps", stamps, "--plan", plan) == EXIT_BREACH


def test_no_run_no_plan_and_no_bank_are_one_line_each(s3: S3Store, there: There, capsys: Printed) -> None:
    stamps, _ = there.put(s3, "lines")
    for words, begins in (
        (("--stamps", f"s3://{BUCKET}/nothing"), f"s3://{BUCKET}/nothing holds no run"),
        (("--stamps", stamps, "--plan", f"s3://{BUCKET}/nothing"), f"s3://{BUCKET}/nothing holds no run"),
        (("--stamps", stamps, "--bank", f"s3://{BUCKET}/none.h5"), f"s3://{BUCKET}/none.h5: there is no such object"),
        (("--stamps", "s3://"), "'s3://' names no bucket"),
    ):
        assert command(*words) == EXIT_BAD_INPUT
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith(f"dhs audit: error: {begins}")
