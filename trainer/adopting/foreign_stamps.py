"""The failed experiment's stamps as they lie on disk: Parquet files below ``region_split=<train|val|test>``; no pixel is read.

What is looked at here is the footer of each file: which columns it has, of which types, and that it is whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.job_entry import InputError
from schemas.split_rule import SPLITS
from schemas.survey import BANDS
from trainer.adopting.one_host import HostNames, link_hosts
from trainer.adopting.sky_cells import Floats

PARTITION = "region_split"
BLOBS = "stamp_npz"
TEXTS = ("task_id", "brickname")
NUMBERS = ("ra", "dec", "is_control", "psfsize_r", "psfdepth_r")
OPTIONAL = (
    *("theta_e_arcsec", "src_dmag", "arc_snr", "bad_pixel_frac", "cutout_ok"),
    *(f"psf_fwhm_used_{band}" for band in BANDS),
    *(f"psf{what}_{band}" for what in ("size", "depth") for band in BANDS if band != "r"),
)
NEEDED = (*TEXTS, *NUMBERS, BLOBS)
READ = (*NEEDED, *OPTIONAL)


@dataclass(frozen=True)
class SourceFile:
    """One file: its number in the order of their paths, its split, its rows, the columns that are read, and what it is.

    ``mark`` is size, time of the last change and hash of the footer: a file that changed has another one.
    """

    path: Path
    number: int
    split: str
    rows: int
    columns: tuple[str, ...]
    left: tuple[str, ...]
    mark: str


def find_stamps(directory: Path) -> list[SourceFile]:
    """The files of a directory, in the order of their paths.

    Raises InputError where it is not there, holds no such partitions, a file is truncated, or one lacks a column.
    """
    if not directory.is_dir():
        raise InputError(f"{directory} is not a directory; wanted one that holds {PARTITION}=train, val, test")
    paths = sorted(path for path in directory.rglob("*") if path.is_file() and not path.name.startswith((".", "_")))
    tables = [path for path in paths if path.suffix in (".parquet", ".pq")]
    splits = [_split_of(path, directory) for path in tables]
    if not tables or None in splits:
        outside = [path.relative_to(directory).as_posix() for path, split in zip(tables, splits, strict=True) if split is None]
        seen = f"Parquet files outside, the first {outside[0]}" if outside else "no Parquet file"
        partitions = ", ".join(f"{PARTITION}={name}" for name in SPLITS)
        raise InputError(f"{directory} holds {seen}; wanted every stamps file below one of {partitions}")
    found = [_source_file(path, n, str(split)) for n, (path, split) in enumerate(zip(tables, splits, strict=True))]
    if not sum(file.rows for file in found):
        raise InputError(f"{directory} holds {len(found)} Parquet files without a row; wanted stamps")
    return found


def open_stamps(path: Path) -> pq.ParquetFile:
    """The file, open; raises InputError where it is truncated or no Parquet file."""
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is truncated or not a Parquet file: {' '.join(str(error).split())[:200]}") from error


def host_names(files: Sequence[SourceFile]) -> HostNames:
    """The hosts of all rows, by their positions; two columns are read, no pixel."""
    ra: list[Floats] = []
    dec: list[Floats] = []
    for file in files:
        with open_stamps(file.path) as parquet:
            try:
                table = parquet.read(columns=["ra", "dec"])
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"{file.path} is damaged: {' '.join(str(error).split())[:200]}") from error
        for name, parts in (("ra", ra), ("dec", dec)):
            parts.append(table[name].cast(pa.float64()).to_numpy().astype(np.float64))
    return link_hosts(np.concatenate(ra), np.concatenate(dec))


def _split_of(path: Path, directory: Path) -> str | None:
    parts = path.relative_to(directory).parts[:-1]
    return next((split for split in SPLITS if f"{PARTITION}={split}" in parts), None)


def _source_file(path: Path, number: int, split: str) -> SourceFile:
    with open_stamps(path) as parquet:
        schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
    _check_columns(path, schema)
    columns = tuple(name for name in READ if name in schema.names)
    more = (PARTITION,) if PARTITION in schema.names else ()
    left = tuple(sorted(set(schema.names) - {*columns, *more}))
    return SourceFile(path, number, split, rows, (*columns, *more), left, _mark(path))


def _check_columns(path: Path, schema: pa.Schema) -> None:
    absent = [name for name in NEEDED if name not in schema.names]
    if absent:
        raise InputError(
            f"{path} has {len(schema.names)} columns and lacks {', '.join(absent)}; wanted {', '.join(NEEDED)} at least"
        )
    for name in READ:
        kind = schema.field(name).type if name in schema.names else pa.float64()
        wanted, fits = _wanted(name, kind)
        if not fits:
            raise InputError(f"{path}: column {name} is {kind}; wanted {wanted}")


def _wanted(name: str, kind: pa.DataType) -> tuple[str, bool]:
    types = pa.types
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    if name == BLOBS:
        return "bytes", types.is_binary(kind) or types.is_large_binary(kind)
    if name not in TEXTS:
        return "numbers", number or types.is_null(kind)
    named = kind.value_type if types.is_dictionary(kind) else kind
    return "text", types.is_string(named) or types.is_large_string(named) or types.is_integer(named)


def _mark(path: Path) -> str:
    seen = path.stat()
    with path.open("rb") as stream:
        stream.seek(-8, 2)
        length = int.from_bytes(stream.read(4), "little")
        stream.seek(max(seen.st_size - 8 - length, 0))
        digest = hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    return f"{seen.st_size} bytes, changed {seen.st_mtime_ns}, footer {digest}"
