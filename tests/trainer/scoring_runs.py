"""Scoring as the tests run it, and cutouts of real galaxies that are made of stamps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.array_codec import decode_stamp, encode_arrays
from schemas.contract_files import Provenance, read_table, write_table
from schemas.cutouts import CUTOUTS
from schemas.run_record import RunIdentity, begin_run, finish_run
from schemas.scores import SCORES
from schemas.stamps import STAMPS
from schemas.survey import BANDS
from trainer import score


def run(out: Path, checkpoints: list[Path], *more: Any) -> int:
    names = [str(path) for path in checkpoints]
    return score.main(["--checkpoint", *names, "--out", str(out), "--device", "cpu", "--workers", "0", *map(str, more)])


def logits(out: Path, split: str = "test") -> dict[str, float]:
    tables = [read_table(path, SCORES) for path in sorted((out / f"split={split}").glob("*.parquet"))]
    table = pa.concat_tables(tables)
    return dict(zip(table["task_id"].to_pylist(), table["logit"].to_pylist(), strict=True))


def write_cutouts(directory: Path, stamps: Path, change: Any = lambda row: row) -> Path:
    """The stamps of the test split as if they were cutouts of real galaxies."""
    identity = RunIdentity("cut_hosts", "test")
    begin_run(directory, identity)
    rows = []
    for path in sorted((stamps / "split=test").glob("*.parquet")):
        for stamp in read_table(path, STAMPS).to_pylist():
            row: dict[str, Any] = {name: stamp.get(name) for name in CUTOUTS.names} | {"bands": "grz"}
            row["host_id"] = stamp["task_id"]
            if stamp["stamp_npz"] is not None:
                planes = decode_stamp(stamp["stamp_npz"])
                arrays = {f"image_{band}": plane for band, plane in zip(BANDS, planes, strict=True)}
                row["cutout_npz"] = encode_arrays(arrays | {"maskbits": np.zeros(planes.shape[1:], np.int32)})
            rows.append(change(row))
    files = []
    for n in range(2):
        files.append(directory / f"part-{n}.parquet")
        table = pa.Table.from_pylist(rows[n::2], CUTOUTS.arrow_schema())
        write_table(files[-1], table, CUTOUTS, Provenance("test"))
    finish_run(directory, identity, files, {}, {})
    return directory
