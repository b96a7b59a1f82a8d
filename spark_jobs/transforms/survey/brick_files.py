"""Where the planes of a brick lie: the survey's coadd tree, or one folder with all files in it."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from schemas.survey import BANDS

_BRICK_NAME = re.compile(r"[0-9]{4}[pm][0-9]{3}")


def is_brick_name(text: str) -> bool:
    """Whether a text is a brick's name, such as 0591m305."""
    return _BRICK_NAME.fullmatch(text) is not None


def plane_path(brick: str, kind: str, band: str = "") -> PurePosixPath:
    """Where the survey keeps a plane below its coadd folder: ``<first 3>/<brick>/<file>``."""
    return PurePosixPath(brick[:3], brick, f"legacysurvey-{brick}-{kind}{'-' if band else ''}{band}.fits.fz")


def find_plane(root: Path, brick: str, kind: str, band: str = "") -> Path | None:
    """The file of one plane (``image``, ``invvar``, ``psfsize`` with a band, ``maskbits`` without), None if absent.

    Looked for as ``coadd/<first 3>/<brick>/<file>``, ``<first 3>/<brick>/<file>`` and ``<file>`` below the root. A name
    that is not a brick's, such as one with a slash in it, is nowhere.
    """
    if not is_brick_name(brick):
        return None
    path = plane_path(brick, kind, band)
    candidates = (root / "coadd" / path, root / path, root / path.name)
    return next((path for path in candidates if path.is_file()), None)


def has_any_image(root: Path, brick: str) -> bool:
    """Whether the brick has an image in any band of the survey."""
    return any(find_plane(root, brick, "image", band) for band in BANDS)
