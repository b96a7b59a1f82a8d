"""Checks that need pixels: every blob is looked at once, row group by row group, and a sample of them is decoded.

The sample of a file is the made rows with the smallest hash of task_id: the same whatever the order of the rows, and never
the rows that happen to stand first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.array_codec import BlobError, decode_stamp
from spark_jobs.transforms.audits.audit_queries import REPEATED_PIXELS
from spark_jobs.transforms.audits.audit_result import Check, Verdict

DEFAULT_SAMPLE = 2000
_COLUMNS = ["task_id", "host_id", "kind", "split", "reasons", "size_pix", "stamp_npz"]
_DIGEST_BYTES = 16
_PIXELS = pa.schema([(name, pa.string()) for name in ("task_id", "host_id", "kind", "split")] + [("digest", pa.binary())])


class BlobAudit:
    """A pass over the blobs of some files: ``read`` each, then ask for the ``checks``.

    At most ``sample`` blobs a file are decoded; all of them are hashed.
    """

    def __init__(self, sample: int) -> None:
        self._sample, self._decoded, self._blobs = sample, 0, 0
        self._unreadable: list[str] = []
        self._undecodable: list[str] = []
        self._misplaced: list[str] = []
        self._seen = duckdb.connect(":memory:")
        self._seen.execute("CREATE TABLE pixels (task_id VARCHAR, host_id VARCHAR, kind VARCHAR, split VARCHAR, digest BLOB)")

    def read(self, path: Path) -> None:
        """Take in the blobs of one stamps file; one that cannot be read is noted."""
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                self._read_groups(path, file)
        except (pa.ArrowInvalid, OSError) as error:
            self._unreadable.append(f"{path.name}: {error}")

    def checks(self, split_key: str) -> list[Check]:
        """Pages readable, blobs decodable and finite, null exactly where refused, and no pixels twice."""
        decoded = f"{self._decoded} of {self._blobs} decoded: right size, finite, float32"
        return [
            Check.of("blob pages", self._unreadable, f"{self._blobs} blobs read, page checksums agree"),
            Check.of("blobs decode", self._undecodable, decoded),
            Check.of("blob where made", self._misplaced, "every made row has a blob, no refused row has one"),
            _repeated(self._seen, split_key),
        ]

    def _read_groups(self, path: Path, file: pq.ParquetFile) -> None:
        who = file.read(columns=["task_id", "reasons"]).to_pydict()
        made = [str(task) for task, reasons in zip(who["task_id"], who["reasons"], strict=True) if reasons == 0]
        chosen = in_sample(made, self._sample)
        for group in range(file.num_row_groups):
            try:
                rows = file.read_row_group(group, columns=_COLUMNS).to_pylist()
            except (pa.ArrowInvalid, OSError) as error:
                self._unreadable.append(f"{path.name}, row group {group}: {error}")
                continue
            self._read_rows(rows, chosen)

    def _read_rows(self, rows: list[dict[str, Any]], chosen: set[str]) -> None:
        seen = []
        for row in rows:
            blob, task = row["stamp_npz"], str(row["task_id"])
            if (blob is None) == (row["reasons"] == 0):
                self._misplaced.append(f"{task} is {'made without a blob' if blob is None else 'refused with a blob'}")
            if blob is None:
                continue
            self._blobs += 1
            digest = hashlib.blake2b(blob, digest_size=_DIGEST_BYTES).digest()
            seen.append({name: row[name] for name in ("task_id", "host_id", "kind", "split")} | {"digest": digest})
            if task in chosen:
                self._decoded += 1
                problem = _fault(blob, row["size_pix"])
                self._undecodable += [f"{task}: {problem}"] if problem else []
        self._seen.register("batch", pa.Table.from_pylist(seen, schema=_PIXELS))
        self._seen.execute("INSERT INTO pixels SELECT * FROM batch")
        self._seen.unregister("batch")


def in_sample(task_ids: Sequence[str], sample: int) -> set[str]:
    """The ``sample`` task_ids with the smallest SHA-256."""
    return set(sorted(task_ids, key=lambda task: hashlib.sha256(task.encode()).digest())[:sample])


def _fault(blob: bytes, size: int | None) -> str:
    """What is wrong with the blob of a made row; empty where nothing is."""
    try:
        image = decode_stamp(blob)
    except BlobError as error:
        return str(error)
    if image.shape[1] != size:
        return f"{image.shape[1]} pixels a side, its row says {size}"
    bad = int(np.size(image) - np.isfinite(image).sum())
    return f"{bad} pixels are not finite" if bad else ""


def _repeated(connection: duckdb.DuckDBPyConnection, split_key: str) -> Check:
    """Controls of one host are the same survey pixels, and may repeat where no split is crossed; nothing else may."""
    name = "pixels stand once"
    problems, within, across = [], 0, 0
    for _, task, n, hosts, splits, not_controls in connection.execute(REPEATED_PIXELS).fetchall():
        only_controls = hosts == 1 and not_controls == 0
        if only_controls and splits == 1:
            within += 1
        elif only_controls and split_key == "task_id":
            across += 1
        else:
            who = f"{hosts} hosts, {splits} splits, {not_controls} not controls"
            problems.append(f"{n} rows ({who}) share the pixels of {task}")
    if problems or not across:
        same = f"; {within} hosts have repeated controls" if within else ""
        return Check.of(name, problems, f"no two rows share their pixels{same}")
    return Check(name, f"controls of {across} hosts repeat across splits; leaks by design: split by task_id", Verdict.BY_DESIGN)
