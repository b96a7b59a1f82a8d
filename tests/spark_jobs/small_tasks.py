"""One lens task, its control and the cutout of its host by hand: an isothermal sphere, a small round source, flat noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.array_codec import encode_arrays
from schemas.cutouts import CUTOUTS
from schemas.survey import BANDS
from schemas.tasks import TASKS

SIZE = 56
SIGMA = {"g": 0.002, "r": 0.0025, "z": 0.008}
FWHM = {"g": 1.35, "r": 1.25, "z": 1.2}
CENTRE = (27.7, 27.15)
HOST_MAG = {"g": 20.1, "r": 18.6, "z": 17.9}
RAW_MAGNITUDES: dict[str, float | None] = dict(HOST_MAG)


def lens_task(**changes: Any) -> dict[str, Any]:
    """A lens task: theta_e 1.2 arcsec, source 0.3 arcsec to the west, r 22.5; ``changes`` replaces columns."""
    task: dict[str, Any] = dict.fromkeys(TASKS.names)
    task |= {"task_id": "a" * 32, "pair_id": "p" * 32, "host_id": "9010-1-1", "cell": 7, "shard": 0, "split": "train"}
    task |= {"kind": "lens", "label": 1, "configuration": 0, "replicate": 0, "recipe_hash": "5ca1ab1e", "run_seed": 3}
    task |= {"theta_e_arcsec": 1.2, "lens_axis_ratio": 1.0, "lens_angle_rad": 0.0, "shear_1": 0.0, "shear_2": 0.0}
    task |= {"lens_dx_arcsec": 0.0, "lens_dy_arcsec": 0.0, "source_x_arcsec": 0.3, "source_y_arcsec": 0.0}
    task |= {"source_kind": "sersic", "source_sersic_n": 1.0, "source_axis_ratio": 1.0, "source_angle_rad": 0.0}
    task |= {"source_half_light_arcsec": 0.05, "source_mag_g": 22.9, "source_mag_r": 22.5, "source_mag_z": 22.2, "reasons": 0}
    return task | changes


def control_task(**changes: Any) -> dict[str, Any]:
    """The control of ``lens_task``: the same pair, nothing drawn."""
    task: dict[str, Any] = dict.fromkeys(TASKS.names)
    shared = (
        "pair_id",
        "host_id",
        "cell",
        "shard",
        "split",
        "configuration",
        "replicate",
        "recipe_hash",
        "run_seed",
        "reasons",
    )
    task |= {name: value for name, value in lens_task().items() if name in shared}
    return task | {"task_id": "b" * 32, "kind": "control", "label": 0} | changes


def negative_task(kind: str, **changes: Any) -> dict[str, Any]:
    """A hard negative beside the hand-made pair: light 1.2 arcsec to the west as bright as the arc, or in its place."""
    task = lens_task(task_id="c" * 32, pair_id=None, kind=kind, label=0, non_lens_property=kind, predicted_magnification=8.0)
    task |= {"added_x_arcsec": 1.2, "added_y_arcsec": 0.0, "added_radius_arcsec": 0.4, "added_width_arcsec": 0.6}
    task |= {"added_angle_rad": 0.3, "added_axis_ratio": 0.8, "added_mag_g": 20.9, "added_mag_r": 20.5, "added_mag_z": 20.2}
    return task | changes


def cutout_row(*, bands: str = "".join(BANDS), size: int = SIZE, **changes: Any) -> dict[str, Any]:
    """The cutout of the task's host: a Gaussian galaxy in white noise, ten columns of it without data."""
    rng = np.random.default_rng(17)
    y, x = np.indices((size, size))
    galaxy = np.exp(-0.5 * ((x - CENTRE[0]) ** 2 + (y - CENTRE[1]) ** 2) / 3.0**2)
    arrays: dict[str, Any] = {}
    for band in bands:
        image = 0.2 * galaxy + rng.normal(0, SIGMA[band], galaxy.shape)
        arrays[f"image_{band}"] = image.astype(np.float32)
        arrays[f"invvar_{band}"] = np.where(x < 10, 0, SIGMA[band] ** -2).astype(np.float32)
    row: dict[str, Any] = dict.fromkeys(CUTOUTS.names)
    row |= {"host_id": "9010-1-1", "ra_deg": 59.0, "dec_deg": -30.0, "brickname": "0591m305", "cell": 7, "size_pix": size}
    row |= {"bands": bands, "x_centre_pix": CENTRE[0], "y_centre_pix": CENTRE[1], "reasons": 0}
    row |= {"masked_fraction": 0.0, "uncovered_fraction": 10 / size, "cutout_npz": encode_arrays(arrays)}
    row |= {f"psf_fwhm_{band}_arcsec": FWHM[band] for band in bands}
    row |= {f"psf_depth_{band}_mag": 24.0 for band in BANDS} | {f"sky_sigma_{band}_nmgy": SIGMA[band] for band in bands}
    return row | changes


def refused_cutout(reasons: int) -> dict[str, Any]:
    """The cutout of a host that was refused: no pixels, no centre, no widths."""
    row: dict[str, Any] = dict.fromkeys(CUTOUTS.names)
    kept = ("host_id", "ra_deg", "dec_deg", "brickname", "cell", "size_pix", "bands")
    return row | {name: value for name, value in cutout_row().items() if name in kept} | {"reasons": reasons}
