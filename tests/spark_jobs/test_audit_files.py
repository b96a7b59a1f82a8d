"""dhs audit on files and pixels: each fault in a file, its record, its header or a blob is found by its check."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.array_codec import encode_stamp
from schemas.job_entry import InputError
from schemas.run_record import FINISHED_NAME
from schemas.stamps import STAMPS
from spark_jobs.audit import audit_directory
from spark_jobs.transforms.audits.audit_blobs import in_sample
from spark_jobs.transforms.audits.audit_result import Verdict
from tests.spark_jobs.audit_damage import Damaged, Row, failures, rewrite
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory

SIZE = 24


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    return write_stamps_directory(
        tmp_path_factory.mktemp("audit"), {"train": 5, "val": 3, "test": 3}, size=SIZE, refused_pairs=1
    )


@pytest.fixture
def broken(small: StampsDirectory, tmp_path: Path) -> Damaged:
    return Damaged.copy_of(small, tmp_path)


def zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image_g.npy", b"\0" * 100_000_000)
    return buffer.getvalue()


def damaged(place: int, value: int) -> bytes:
    """A compressed npz with one byte changed, counted from the start or, if negative, from the end."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, **{f"image_{band}": np.arange(SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE) for band in "grz"}
    )
    blob = bytearray(buffer.getvalue())
    blob[place] = value
    return bytes(blob)


def of_side(side: int, bands: str = "grz") -> bytes:
    return encode_stamp({band: np.zeros((side, side), np.float32) for band in bands})


def with_pixel(value: float) -> bytes:
    images = {band: np.zeros((SIZE, SIZE), np.float32) for band in "grz"}
    images["z"][3, 4] = value
    return encode_stamp(images)


# ---- files and record


def test_an_unfinished_run_is_a_breach(broken: Damaged) -> None:
    (broken.stamps / FINISHED_NAME).unlink()
    assert "the run is unfinished" in failures(broken)["run record"]


def test_a_directory_without_a_run_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no run"):
        audit_directory(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"files": [{"path": "a"}], "rows": 0}', '{"files": 3}'])
def test_a_record_that_is_no_record_is_a_breach(broken: Damaged, text: str) -> None:
    (broken.stamps / FINISHED_NAME).write_text(text)
    assert set(failures(broken)) == {"run record", "rows and pixels"}


def test_a_record_that_points_out_of_the_directory_is_a_breach(broken: Damaged) -> None:
    content = json.loads((broken.stamps / FINISHED_NAME).read_text())
    content["files"][0]["path"] = "../plan/tasks/shard-00000.parquet"
    broken.set_record(files=content["files"])
    assert "outside the directory" in failures(broken)["run record"]


def test_a_record_whose_total_is_not_that_of_its_files_is_a_breach(broken: Damaged) -> None:
    broken.set_record(rows=7)
    assert "its total says 7" in failures(broken)["run record"]


def test_one_flipped_byte_in_a_blob_is_found_twice(broken: Damaged) -> None:
    """By the hash of the file and by the checksum of the page."""
    path = broken.file("train")
    blob = next(row["stamp_npz"] for row in broken.rows("train") if row["stamp_npz"])
    content = bytearray(path.read_bytes())
    content[content.index(blob) + len(blob) // 2] ^= 1
    path.write_bytes(content)
    found = failures(broken)
    assert "has SHA-256" in found["files match the record"]
    assert "row group 0" in found["blob pages"]


def test_a_truncated_file_is_found_and_the_others_are_audited(broken: Damaged) -> None:
    path = broken.file("val")
    path.write_bytes(path.read_bytes()[:-200])
    found = audit_directory(broken.stamps, broken.plan)
    failed = {check.name: check.found for check in found.breaches}
    assert "bytes, recorded" in failed["files match the record"]
    assert path.name in failed["schema and contract version"]
    assert "6 tasks without a row" in failed["rows against the plan"]
    assert {row["split"] for row in found.rows} == {"train", "test"}


def test_an_absent_and_an_unrecorded_file_are_found(broken: Damaged) -> None:
    broken.file("val").rename(broken.stamps / "split=val" / "stray.parquet")
    found = failures(broken)["files match the record"]
    assert "is recorded and not there" in found
    assert "split=val/stray.parquet is there and not recorded" in found


def test_a_run_without_an_index_is_a_breach_and_not_a_silence(broken: Damaged) -> None:
    for split in ("train", "val", "test"):
        broken.index(split).unlink()
    assert "0 index files can be read" in failures(broken)["rows and pixels"]


def test_a_file_with_another_number_of_rows_than_recorded_is_found(broken: Damaged) -> None:
    content = json.loads((broken.stamps / FINISHED_NAME).read_text())
    content["files"][0]["rows"] += 1
    broken.set_record(files=content["files"], rows=content["rows"] + 1)
    assert "rows, recorded" in failures(broken)["files match the record"]


@pytest.mark.parametrize(
    ("header", "said"),
    [({"contract_version": "9.0"}, "contract version 9.0"), ({"contract": "hosts"}, "holds 'hosts'")],
)
def test_a_file_of_another_contract_is_found(broken: Damaged, header: dict[str, str], said: str) -> None:
    rewrite(broken.file("val"), broken.rows("val"), STAMPS.names, **header)
    broken.record()
    assert said in failures(broken)["schema and contract version"]


def test_a_column_lost_added_or_of_another_type_is_found(broken: Damaged) -> None:
    table = pq.ParquetFile(broken.file("val")).read()
    position = table.schema.get_field_index("ra_deg")
    faults = {
        "lacks columns ra_deg": table.drop_columns(["ra_deg"]),
        "column ra_deg is string": table.set_column(position, "ra_deg", table["ra_deg"].cast(pa.string())),
        "column extra is not in the stamps contract": table.append_column("extra", table["ra_deg"]),
    }
    for said, fault in faults.items():
        pq.write_table(fault.replace_schema_metadata(table.schema.metadata), broken.file("val"))
        broken.record()
        assert said in failures(broken)["schema and contract version"]


def test_a_file_without_our_metadata_is_found(broken: Damaged) -> None:
    pq.write_table(pq.ParquetFile(broken.file("val")).read().replace_schema_metadata({}), broken.file("val"))
    broken.record()
    assert "carries no darkhaloscope metadata" in failures(broken)["schema and contract version"]


@pytest.mark.parametrize(("key", "value"), [("recipe_hash", "feedfacefeedface"), ("run_seed", 8), ("code_version", "9.9.9+0")])
def test_a_file_of_another_origin_is_found(broken: Damaged, key: str, value: Any) -> None:
    rewrite(broken.file("val"), broken.rows("val"), STAMPS.names, **{key: value})
    broken.record()
    found = failures(broken)
    assert set(found) == {"one recipe, seed and code version"}
    assert f"{key}: " in found["one recipe, seed and code version"]
    assert str(value) in found["one recipe, seed and code version"]


# ---- blobs


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (b"garbage", "not a readable npz"),
        (b"", "not a readable npz"),
        (pickle.dumps({"image_g": [1.0]}), "not a readable npz"),
        (zip_bomb(), "unpacks to 100000000 bytes"),
        (of_side(SIZE, "r"), "wanted image_g, image_z too"),
        (
            encode_stamp({band: np.zeros((SIZE + 1, SIZE + 1), np.float32) for band in "grz"}),
            "25 pixels a side, its row says 24",
        ),
        (damaged(28, 255), "not a readable npz"),
        (damaged(-185, 1), "not a readable npz"),
        (damaged(-3, 255), "not a readable npz"),
        (with_pixel(np.nan), "1 pixels are not finite"),
        (with_pixel(-np.inf), "1 pixels are not finite"),
    ],
    ids=[
        "garbage",
        "empty",
        "pickle",
        "bomb",
        "one band",
        "size",
        "deflate stream",
        "said to be encrypted",
        "offset",
        "nan",
        "inf",
    ],
)
def test_a_poisoned_blob_is_found(broken: Damaged, blob: bytes, said: str) -> None:
    task = broken.rows("test")[0]["task_id"]
    broken.change("test", lambda rows: rows[0].update(stamp_npz=blob))
    found = failures(broken)
    assert set(found) == {"blobs decode"}
    assert task in found["blobs decode"] and said in found["blobs decode"]


def _null(rows: list[Row]) -> None:
    rows[0]["stamp_npz"] = None


def _fill(rows: list[Row]) -> None:
    rows[-1]["stamp_npz"] = with_pixel(1.0)


@pytest.mark.parametrize(("change", "said"), [(_null, "made without a blob"), (_fill, "refused with a blob")])
def test_a_blob_where_none_belongs_and_the_reverse_are_found(
    broken: Damaged, change: Callable[[list[Row]], None], said: str
) -> None:
    broken.change("train", change)
    found = failures(broken)
    assert set(found) == {"blob where made"}
    assert said in found["blob where made"]


def test_pixels_of_one_host_under_another_are_found_across_splits(broken: Damaged) -> None:
    blob = broken.rows("train")[0]["stamp_npz"]
    broken.change("test", lambda rows: rows[0].update(stamp_npz=blob))
    assert "2 rows (2 hosts, 2 splits, 2 not controls)" in failures(broken)["pixels stand once"]


def test_a_lens_that_is_its_own_control_is_found(broken: Damaged) -> None:
    """Nothing was injected: the fault that a labels check cannot see."""
    broken.change("train", lambda rows: rows[0].update(stamp_npz=rows[1]["stamp_npz"]))
    found = failures(broken)
    assert set(found) == {"pixels stand once"}
    assert "(1 hosts, 1 splits, 1 not controls)" in found["pixels stand once"]


def test_controls_of_one_host_may_repeat_and_across_splits_by_design_only(broken: Damaged) -> None:
    first = broken.rows("train")[1]

    def repeat(rows: list[Row]) -> None:
        rows[1].update(stamp_npz=first["stamp_npz"], host_id=first["host_id"], pair_id=None)
        rows[0].update(pair_id=None)

    broken.change("train", lambda rows: rows[3].update(stamp_npz=first["stamp_npz"], host_id=first["host_id"]))
    assert "pixels stand once" not in failures(broken)
    broken.change("test", repeat)
    assert "(1 hosts, 2 splits, 0 not controls)" in failures(broken)["pixels stand once"]
    broken.set_record(split_key="task_id")
    checks = {check.name: check for check in audit_directory(broken.stamps).checks}
    assert checks["pixels stand once"].verdict is Verdict.BY_DESIGN


def test_the_sample_is_chosen_by_hash_and_not_by_position() -> None:
    tasks = [f"task-{n}" for n in range(200)]
    chosen = in_sample(tasks, 20)
    assert len(chosen) == 20
    assert chosen == in_sample(tasks[::-1], 20)
    assert not chosen <= set(tasks[:100]) and not chosen <= set(tasks[100:])
    assert in_sample(tasks[:10], 20) == set(tasks[:10])


def test_a_sample_bounds_what_is_decoded_and_the_table_says_so(small: StampsDirectory) -> None:
    found = {check.name: check.found for check in audit_directory(small.stamps, sample=2).checks}
    assert found["blobs decode"].startswith("6 of 16 decoded")
