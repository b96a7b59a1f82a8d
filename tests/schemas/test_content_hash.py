"""The hash over stamps: blind to files, order and packing, awake to every bit of what they hold."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.array_codec import BlobError, decode_arrays, encode_arrays
from schemas.content_hash import content_hash, stamp_digest
from schemas.contract_files import Provenance, read_table, write_table
from schemas.stamps import STAMPS
from tests.synthetic_stamps import write_stamps_directory

Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Six stamps and two refused rows."""
    root = write_stamps_directory(tmp_path_factory.mktemp("hash"), {"train": 4}, size=16, refused_pairs=1)
    (path,) = (root.stamps / "split=train").iterdir()
    return list(read_table(path, STAMPS).to_pylist())


def hashed(folder: Path, *files: Sequence[Row], code: str = "a") -> str:
    paths = [folder / f"{number}.parquet" for number in range(len(files))]
    for path, rows in zip(paths, files, strict=True):
        write_table(path, pa.Table.from_pylist([dict(row) for row in rows], STAMPS.arrow_schema()), STAMPS, Provenance(code))
    return content_hash(paths)


def test_files_their_order_and_the_order_of_rows_do_not_matter(tmp_path: Path, rows: list[Row]) -> None:
    whole = hashed(tmp_path, rows)
    assert len(whole) == 64
    assert whole == hashed(tmp_path, rows[::-1]) == hashed(tmp_path, rows[5:], rows[:2], [], rows[2:5])


def test_bytes_around_the_arrays_and_provenance_do_not_matter(tmp_path: Path, rows: list[Row]) -> None:
    packed = []
    for row in rows:
        buffer = io.BytesIO()
        if row["stamp_npz"] is not None:
            np.savez_compressed(buffer, **dict(sorted(decode_arrays(row["stamp_npz"]).items(), reverse=True)))
        packed.append({**row, "stamp_npz": buffer.getvalue() or None})
    assert packed[0]["stamp_npz"] != rows[0]["stamp_npz"]
    assert hashed(tmp_path, packed, code="b") == hashed(tmp_path, rows)


def nudged(blob: bytes) -> bytes:
    """The blob with the last bit of one pixel changed."""
    arrays = {name: array.copy() for name, array in decode_arrays(blob).items()}
    arrays["image_z"][3, 5] = np.nextafter(arrays["image_z"][3, 5], np.float32(9))
    return encode_arrays(arrays)


def renamed(blob: bytes) -> bytes:
    """The same arrays in the same order, one under another name."""
    return encode_arrays({name.replace("image_z", "image_y"): array for name, array in decode_arrays(blob).items()})


def reshaped(blob: bytes) -> bytes:
    """The same pixels in rows of another length."""
    return encode_arrays({name: array.reshape(8, 32) for name, array in decode_arrays(blob).items()})


def retyped(blob: bytes) -> bytes:
    """The same bytes called another type."""
    return encode_arrays({name: array.view(np.int32) for name, array in decode_arrays(blob).items()})


@pytest.mark.parametrize("change", [nudged, renamed, reshaped, retyped])
def test_one_bit_a_name_a_shape_or_a_type_changes_it(tmp_path: Path, rows: list[Row], change: Any) -> None:
    other = [{**rows[0], "stamp_npz": change(rows[0]["stamp_npz"])}, *rows[1:]]
    assert hashed(tmp_path, other) != hashed(tmp_path, rows)


@pytest.mark.parametrize("change", [{"task_id": "other"}, {"reasons": 4}, {"reasons": 4, "stamp_npz": None}])
def test_another_task_or_reason_changes_it(tmp_path: Path, rows: list[Row], change: Row) -> None:
    assert hashed(tmp_path, [{**rows[0], **change}, *rows[1:]]) != hashed(tmp_path, rows)


def test_a_row_lost_or_held_twice_changes_it(tmp_path: Path, rows: list[Row]) -> None:
    whole = hashed(tmp_path, rows)
    assert whole not in {hashed(tmp_path, rows[1:]), hashed(tmp_path, [*rows, rows[0]]), hashed(tmp_path)}


def test_pixels_are_hashed_with_the_task_that_they_belong_to(tmp_path: Path, rows: list[Row]) -> None:
    crossed = [{**rows[0], "stamp_npz": rows[1]["stamp_npz"]}, {**rows[1], "stamp_npz": rows[0]["stamp_npz"]}, *rows[2:]]
    assert hashed(tmp_path, crossed) != hashed(tmp_path, rows)


def test_other_columns_are_not_part_of_it(tmp_path: Path, rows: list[Row]) -> None:
    assert hashed(tmp_path, [{**rows[0], "arc_snr": 1.0}, *rows[1:]]) == hashed(tmp_path, rows)


def test_a_blob_that_is_none_is_an_error_and_not_a_hash() -> None:
    with pytest.raises(BlobError, match="is not a readable npz"):
        stamp_digest("a", 0, b"no npz")
    assert len({stamp_digest("a", 0, None), stamp_digest("a", 1, None), stamp_digest("b", 0, None)}) == 3
