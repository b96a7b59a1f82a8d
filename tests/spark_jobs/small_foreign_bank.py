"""A source bank in the failed experiment's layout: HDF5 ``images`` (n, 96, 96) and the attribute src_pixscale_arcsec."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

SCALE_ARCSEC = 0.03
SIDE = 96


def gaussian(sigma_pix: float) -> npt.NDArray[np.float32]:
    """A round galaxy in the middle."""
    grid = np.arange(SIDE) - (SIDE - 1) / 2
    return np.exp(-(grid[:, None] ** 2 + grid[None, :] ** 2) / (2 * sigma_pix**2)).astype(np.float32)


def write_foreign_bank(path: Path, images: Sequence[npt.NDArray[np.float32]], scale: Any = SCALE_ARCSEC) -> Path:
    """The file of some images."""
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=np.stack(images))
        if scale is not None:
            file.attrs["src_pixscale_arcsec"] = scale
    return path
