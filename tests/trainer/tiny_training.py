"""Small stamps directories and settings with which a training takes seconds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from schemas.code_version import code_version
from schemas.contract_files import Provenance, read_table, write_table
from schemas.run_record import RunIdentity, finish_run
from schemas.stamps import STAMP_INDEX, STAMPS
from tests.synthetic_stamps import RECIPE_HASH, SEED, StampsDirectory, write_stamps_directory
from trainer import evaluate, score, train

COLUMNS = ("psf_fwhm_r_arcsec", "psf_depth_r_mag")
SETTINGS = """\
data: {workers: 0, lanes: 4}
network: {backbone: %s, stem_stride: 2, drop_path: 0.1}
optimisation: {epochs: %d, batch_size: 16, learning_rate: 0.002, warmup_epochs: 0.5}
"""


def write_settings(folder: Path, *, backbone: str = "convnext_mini", epochs: int = 2, more: str = "") -> Path:
    """A settings file for tests."""
    path = folder / f"settings-{backbone}-{epochs}.yaml"
    path.write_text(SETTINGS % (backbone, epochs) + more)
    return path


def train_tiny(stamps: Path, out: Path, settings: Path, *flags: str) -> int:
    """Run ``dhs train`` on the CPU in line."""
    return train.main(["--stamps", str(stamps), "--out", str(out), "--settings", str(settings), "--device", "cpu", *flags])


def rewrite_stamps(directory: StampsDirectory, split: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Pass the rows of one split through ``change`` and write stamps, index and record anew."""
    provenance = Provenance(code_version(), RECIPE_HASH, SEED, "synthetic")
    (path,) = (directory.stamps / f"split={split}").glob("*.parquet")
    rows = [change(row) for row in read_table(path, STAMPS).to_pylist()]
    table = pa.Table.from_pylist(rows, STAMPS.arrow_schema())
    write_table(path, table, STAMPS, provenance)
    index = table.drop_columns(["stamp_npz"])
    index = index.append_column("file", pa.array([path.relative_to(directory.stamps).as_posix()] * len(rows), pa.string()))
    index = index.append_column("row", pa.array(range(len(rows)), pa.int32()))
    write_table(directory.stamps / "index" / f"split-{split}.parquet", index, STAMP_INDEX, provenance)
    refinish(directory)


def spread_over_files(directory: StampsDirectory, split: str, files: int) -> None:
    """Lay the rows of one split, of one file, into several of different length, and write index and record anew."""
    provenance = Provenance(code_version(), RECIPE_HASH, SEED, "synthetic")
    (path,) = (directory.stamps / f"split={split}").glob("*.parquet")
    table = read_table(path, STAMPS)
    path.unlink()
    cuts = [table.num_rows * n * (n + 1) // (files * (files + 1)) for n in range(files + 1)]
    names, rows = [], []
    for n, (start, stop) in enumerate(itertools.pairwise(cuts)):
        part = path.with_name(f"{path.stem}-{n}.parquet")
        write_table(part, table.slice(start, stop - start), STAMPS, provenance)
        names += [part.relative_to(directory.stamps).as_posix()] * (stop - start)
        rows += range(stop - start)
    index = table.drop_columns(["stamp_npz"])
    index = index.append_column("file", pa.array(names, pa.string())).append_column("row", pa.array(rows, pa.int32()))
    write_table(directory.stamps / "index" / f"split-{split}.parquet", index, STAMP_INDEX, provenance)
    refinish(directory)


def refinish(directory: StampsDirectory) -> None:
    """Write the run's record over the files that stand now."""
    identity = RunIdentity("inject", code_version(), RECIPE_HASH, SEED)
    files = sorted(directory.stamps.glob("*/*.parquet"))
    finish_run(directory.stamps, identity, files, {}, {"recipe_name": "synthetic"})


def small_stamps(root: Path, *, train_pairs: int = 24, size: int = 16, ring: float = 0.03) -> StampsDirectory:
    """A directory of a test's own, which it may spoil."""
    pairs = {"train": train_pairs, "val": 8, "test": 8}
    return write_stamps_directory(root, pairs_per_split=pairs, size=size, refused_pairs=1, ring=ring)


CPU = torch.device("cpu")


def score_and_evaluate(stamps: Path, out: Path, *splits: str) -> dict[str, Any]:
    names = splits or ("test",)
    arguments = ["--stamps", str(stamps), "--checkpoint", str(out / "best.pt"), "--out", str(out / "scores")]
    assert score.main([*arguments, "--split", *names, "--device", "cpu", "--workers", "0"]) == 0
    assert evaluate.main(["--scores", str(out / "scores"), "--out", str(out / "metrics.json"), "--draws", "200"]) == 0
    metrics: dict[str, Any] = json.loads((out / "metrics.json").read_text())["splits"]
    return metrics
