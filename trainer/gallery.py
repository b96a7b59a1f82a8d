"""Pixels for the eye: stamps read by their place in the index, and colour composites of them as PNG.

Images are float32 (band g r z, y, x), nMgy per pixel; pictures are uint8 (y, x, RGB). North is up and east is left, since
stamp x points west.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from astropy.visualization import make_lupton_rgb
from matplotlib.image import imsave

from schemas.array_codec import decode_stamp
from schemas.contract import ContractError
from schemas.contract_files import open_parquet, read_group
from schemas.locations import Location, relative_path
from schemas.run_record import run_files
from schemas.stamps import STAMPS

Image = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]

BAND_GAIN = {"g": 6.0, "r": 3.4, "z": 2.2}
"""Weights that make a flat-spectrum galaxy near white: those of the Legacy Surveys sky viewer."""
_MINIMUM, _STRETCH, _SOFTENING = -0.015, 0.2, 3.0  # by eye: an r = 18 host is not clipped, an arc of r = 23 is seen
_ARC_PEAK = 0.22
"""Weighted brightness that the arc alone is stretched to: bright, and no band clipped unless it is far bluer than usual."""
_ARC_QUANTILE = 0.998


def read_images(stamps: Location, places: Sequence[tuple[str, int, str]]) -> dict[str, Image]:
    """Images by task_id, for places given as (file, row, task_id) as the index has them.

    Only the row groups that hold a wanted row are read. Raises ContractError where the index points at another task, at a
    refused one, or out of the run's files.
    """
    files = {relative_path(path, stamps): path for path in run_files(stamps, STAMPS, "split=")}
    wanted: dict[str, dict[int, str]] = {}
    for file, row, task in places:
        wanted.setdefault(file, {})[row] = task
    images: dict[str, Image] = {}
    for file, tasks in wanted.items():
        if file not in files:
            raise ContractError(f"the index of {stamps} names {file!r}, which is not a stamps file of the run")
        images |= _read_file(files[file], tasks)
    return images


def colour_picture(image: Image) -> Picture:
    """Lupton composite of a stamp, z to red, r to green, g to blue."""
    g, r, z = (BAND_GAIN[band] * plane for band, plane in zip("grz", image, strict=True))
    return np.asarray(make_lupton_rgb(z, r, g, minimum=_MINIMUM, stretch=_STRETCH, Q=_SOFTENING), dtype=np.uint8)


def difference_picture(image: Image, control: Image) -> Picture:
    """Composite of a lens minus its control, stretched so that the brightest part of the arc is plainly seen."""
    return stretched_picture(image - control)


def stretched_picture(arc: Image, floor: float = 0.0) -> Picture:
    """Composite of what was left of a difference, its brightest part, or ``floor`` where that is fainter, plainly seen."""
    weighted = np.mean([BAND_GAIN[band] * plane for band, plane in zip("grz", arc, strict=True)], axis=0)
    peak = max(float(np.quantile(weighted, _ARC_QUANTILE)), floor)
    return colour_picture(arc * np.float32(_ARC_PEAK / peak)) if peak > 0 else colour_picture(arc)


def png_uri(picture: Picture) -> str:
    """The picture as a data URI, its first row at the bottom (north up)."""
    buffer = io.BytesIO()
    imsave(buffer, picture, format="png", origin="lower", pil_kwargs={"optimize": True})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _read_file(path: Location, tasks: dict[int, str]) -> dict[str, Image]:
    """Images of the wanted rows of one file, row group by row group."""
    images: dict[str, Image] = {}
    with open_parquet(path, STAMPS) as file:
        first = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            inside = sorted(row for row in tasks if first <= row < first + rows)
            if inside:
                table = read_group(path, file, group, ["task_id", "stamp_npz"])
                for row in inside:
                    seen, blob = table["task_id"][row - first].as_py(), table["stamp_npz"][row - first].as_py()
                    if seen != tasks[row] or blob is None:
                        raise ContractError(f"{path}, row {row} holds task {seen}; the index says {tasks[row]} with pixels")
                    images[tasks[row]] = decode_stamp(blob)
            first += rows
    lost = sorted(set(tasks.values()) - images.keys())
    if lost:
        raise ContractError(f"{path} has no row for task {lost[0]}, which the index places in it")
    return images
