"""Stamps directories with one fault planted: rows changed, files written again, record and index kept in step unless told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.contract_files import header_of
from schemas.finished_files import describe_file
from schemas.run_record import FINISHED_NAME, read_run
from schemas.stamps import STAMP_INDEX, STAMPS
from spark_jobs.audit import audit_directory
from spark_jobs.transforms.audits.audit_result import Check
from tests.synthetic_stamps import StampsDirectory

Row = dict[str, Any]


@dataclass(frozen=True)
class Damaged:
    """A copy of a clean run that a test may break."""

    plan: Path
    stamps: Path

    @staticmethod
    def copy_of(clean: StampsDirectory, root: Path) -> Damaged:
        shutil.copytree(clean.plan, root / "plan")
        shutil.copytree(clean.stamps, root / "stamps")
        return Damaged(root / "plan", root / "stamps")

    def file(self, split: str) -> Path:
        (path,) = (self.stamps / f"split={split}").glob("*.parquet")
        return path

    def index(self, split: str) -> Path:
        return self.stamps / "index" / f"split-{split}.parquet"

    def rows(self, split: str) -> list[Row]:
        with pq.ParquetFile(self.file(split)) as file:
            return list(file.read().to_pylist())

    def change(self, split: str, change: Callable[[list[Row]], Any], *, index: bool = True, record: bool = True) -> None:
        """Let ``change`` alter the rows of a split in place, write them back, and bring index and record into step."""
        rows = self.rows(split)
        change(rows)
        rewrite(self.file(split), rows, STAMPS.names)
        if index:
            place = self.file(split).relative_to(self.stamps).as_posix()
            rewrite(self.index(split), [row | {"file": place, "row": n} for n, row in enumerate(rows)], STAMP_INDEX.names)
        if record:
            self.record()

    def record(self) -> None:
        """Write the run record anew over the files that stand."""
        content = read_run(self.stamps)
        entries = [describe_file(self.stamps / entry["path"], self.stamps).__dict__ for entry in content["files"]]
        self.set_record(files=entries, rows=sum(entry["rows"] for entry in entries))

    def set_record(self, **changes: Any) -> None:
        (self.stamps / FINISHED_NAME).write_text(json.dumps(read_run(self.stamps) | changes))


def rewrite(path: Path, rows: list[Row], names: tuple[str, ...], **header: Any) -> None:
    """Write rows over a file with its own types and header, every column nullable, so that a null can be planted."""
    with pq.ParquetFile(path) as file:
        seen, metadata = file.schema_arrow, header_of(path, file)
    schema = pa.schema([seen.field(name).with_nullable(True) for name in names])
    schema = schema.with_metadata({b"darkhaloscope": json.dumps(metadata | header).encode()})
    table = pa.Table.from_pylist([{name: row[name] for name in names} for row in rows], schema)
    pq.write_table(table, path, row_group_size=4, write_page_checksum=True, compression="none")


NOT_CHECKED = {"templates in the bank", "split rule", "hard negatives", "negatives matched to lenses"}
"""Without a bank and a recipe, in a run of lenses and controls."""


def failures(run: Damaged | StampsDirectory, **options: Any) -> dict[str, str]:
    """Name to finding of the checks that fail, against the plan."""
    found = audit_directory(run.stamps, run.plan, **options)
    return {check.name: check.found for check in found.breaches}


def check_named(name: str, *arguments: Any, **options: Any) -> Check:
    (check,) = (check for check in audit_directory(*arguments, **options).checks if check.name == name)
    return check
