"""Two kinds of table that hold pixels to be scored: stamps of a simulation, and cutouts of real galaxies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.array_codec import BlobError, decode_arrays, decode_stamp
from schemas.contract import Contract
from schemas.cutouts import CUTOUTS
from schemas.stamps import STAMPS
from schemas.survey import BANDS

IDENTITY_COLUMNS = ("task_id", "host_id", "cell", "split", "kind", "label")
PARENT_SPLIT, CUTOUT_KIND, UNKNOWN_LABEL = "parent", "cutout", -1
_LARGEST_SIDE = 512


@dataclass(frozen=True)
class StampSource:
    """A table with pixels: its contract, the column of its blobs and what decodes one; how its rows are identified."""

    contract: Contract
    blobs: str
    decode: Callable[[bytes], npt.NDArray[np.float32]]
    columns: tuple[str, ...]
    identify: Callable[[pa.Table], pa.Table]


def image_of_cutout(blob: bytes) -> npt.NDArray[np.float32]:
    """Pixels (band, y, x) in nMgy of a cutout's blob; raises BlobError where a band is not in it."""
    arrays = decode_arrays(blob, max_side=_LARGEST_SIDE)
    absent = [band for band in BANDS if f"image_{band}" not in arrays]
    if absent:
        raise BlobError(f"cutout without {', '.join(f'image_{band}' for band in absent)}; wanted {', '.join(BANDS)}")
    images = [np.asarray(arrays[f"image_{band}"], np.float32) for band in BANDS]
    if len({image.shape for image in images}) > 1:
        raise BlobError(f"cutout with bands of {', '.join(str(image.shape) for image in images)}; wanted one size")
    return np.stack(images)


def _of_cutouts(table: pa.Table) -> pa.Table:
    """A real galaxy is its own task, of a split of its own, and nobody knows what it is."""
    rows = table.num_rows
    columns = {
        "task_id": table["host_id"],
        "host_id": table["host_id"],
        "cell": table["cell"],
        "split": pa.array([PARENT_SPLIT] * rows, pa.string()),
        "kind": pa.array([CUTOUT_KIND] * rows, pa.string()),
        "label": pa.array([UNKNOWN_LABEL] * rows, pa.int16()),
    }
    return pa.table({name: columns[name] for name in IDENTITY_COLUMNS})


def _of_stamps(table: pa.Table) -> pa.Table:
    return table.select(IDENTITY_COLUMNS)


SOURCES: dict[str, StampSource] = {
    "stamps": StampSource(STAMPS, "stamp_npz", decode_stamp, IDENTITY_COLUMNS, _of_stamps),
    "cutouts": StampSource(CUTOUTS, "cutout_npz", image_of_cutout, ("host_id", "cell"), _of_cutouts),
}
