"""All stamps of one brick: each plane opened once, squares cut at every host, PSF widths read at the hosts.

Legend: n hosts of one brick in the order given; stamps (n, size, size), y north, x west.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from schemas.locations import Location
from schemas.refusal_reasons import Reason
from spark_jobs.survey_settings import SurveySettings
from spark_jobs.transforms.survey.brick_files import find_plane, has_any_image
from spark_jobs.transforms.survey.brick_plane import BrickFrame, FrameError, Plane, PlaneError, frame_of, open_plane

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CutoutSettings:
    """What to cut, from where, and which limits hold."""

    bricks: Location
    survey: SurveySettings
    size: int
    bands: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The bricks on this machine, where they are read; TypeError where they have not been brought here."""
        if not isinstance(self.bricks, Path):
            raise TypeError(f"bricks are read from this machine, not from {self.bricks}")
        return self.bricks


@dataclass
class BrickStamps:
    """What one brick gives for n hosts.

    ``reasons`` is what the brick as a whole refuses for; ``inside`` marks the hosts whose square lies on the brick, and
    ``images``, ``invvars`` (band to (m, size, size)), ``maskbits`` and ``psf_plane`` (band to (m,) arcsec, absent where
    there is no psfsize plane) hold those m hosts only, in order.
    """

    pixels: Floats
    inside: npt.NDArray[np.bool_]
    corners: npt.NDArray[np.int64]
    reasons: Reason = field(default=Reason(0))
    fault: str = ""
    images: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    invvars: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    maskbits: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 0, 0), dtype=np.int32))
    psf_plane: dict[str, Floats] = field(default_factory=dict)


def cut_brick(settings: CutoutSettings, brick: str, ra_deg: Floats, dec_deg: Floats) -> BrickStamps:
    """Cut all hosts of a brick; what is wrong with the brick comes back as a reason and a text, never as an error."""
    paths = {(kind, band): find_plane(settings.folder, brick, kind, band) for kind in _KINDS for band in settings.bands}
    stamps = BrickStamps(np.full((len(ra_deg), 2), np.nan), np.zeros(len(ra_deg), dtype=bool), np.empty((0, 2), dtype=np.int64))
    if not len(ra_deg):
        return stamps
    absent = [f"{kind}-{band}" for (kind, band), path in paths.items() if path is None and kind != "psfsize"]
    if absent:
        missing = Reason.BAND_MISSING if has_any_image(settings.folder, brick) else Reason.BRICK_MISSING
        stamps.reasons, stamps.fault = missing, f"brick {brick}: no {', '.join(absent)} below {settings.bricks}"
        return stamps
    try:
        _read_planes(settings, brick, {key: path for key, path in paths.items() if path}, (ra_deg, dec_deg), stamps)
    except FrameError as error:
        stamps.reasons, stamps.fault = Reason.WCS_UNEXPECTED, str(error)
    except PlaneError as error:
        stamps.reasons, stamps.fault = Reason.BRICK_UNREADABLE, str(error)
    return stamps


_KINDS = ("image", "invvar", "psfsize")


def _read_planes(
    settings: CutoutSettings, brick: str, paths: dict[tuple[str, str], Path], sky: tuple[Floats, Floats], stamps: BrickStamps
) -> None:
    """Fill ``stamps`` plane by plane, so that one decoded plane at a time is in memory."""
    frame: BrickFrame | None = None
    for (kind, band), path in paths.items():
        with open_plane(path) as plane:
            if kind == "image":
                found = frame_of(plane)
                if frame is None:
                    frame = found
                    _place(stamps, frame, *sky, settings.size)
                if not found.agrees_with(frame):
                    raise FrameError(f"{path}: another frame than the brick's other bands")
            _check_shape(plane, frame)
            if kind == "psfsize":
                at_host = np.floor(stamps.pixels[stamps.inside] + 0.5).astype(np.int64)
                stamps.psf_plane[band] = _squares(plane, at_host, 1, settings)[:, 0, 0].astype(np.float64)
            else:
                target = stamps.images if kind == "image" else stamps.invvars
                target[band] = _squares(plane, stamps.corners, settings.size, settings).astype(np.float32)
    stamps.maskbits = np.zeros((len(stamps.corners), settings.size, settings.size), dtype=np.int32)
    mask = find_plane(settings.folder, brick, "maskbits")
    if mask is not None:
        with open_plane(mask) as plane:
            _check_shape(plane, frame)
            stamps.maskbits = _squares(plane, stamps.corners, settings.size, settings).astype(np.int32)


def _place(stamps: BrickStamps, frame: BrickFrame, ra_deg: Floats, dec_deg: Floats, size: int) -> None:
    """Where each host lies, and the corner that brings it within half a pixel of pixel size // 2 of its stamp."""
    stamps.pixels = frame.pixels_of(ra_deg, dec_deg)
    lowest = np.floor(stamps.pixels + 0.5) - size // 2
    highest = np.array(frame.shape) - size
    stamps.inside = np.asarray(((lowest >= 0) & (lowest <= highest)).all(axis=1))  # NaN is on no brick
    stamps.corners = lowest[stamps.inside].astype(np.int64)


def _squares(plane: Plane, corners: npt.NDArray[np.int64], size: int, settings: CutoutSettings) -> npt.NDArray[np.generic]:
    return plane.stamps(corners, size, whole=len(corners) > settings.survey.cutouts.whole_plane_above)


def _check_shape(plane: Plane, frame: BrickFrame | None) -> None:
    if frame is not None and plane.shape != frame.shape:
        raise PlaneError(f"{plane.path} has shape {plane.shape}; the brick's image has {frame.shape}")
