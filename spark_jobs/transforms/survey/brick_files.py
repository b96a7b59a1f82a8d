"""Where the planes of a brick lie: the survey's coadd tree, or one folder with all files in it."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.survey import BANDS

_BRICK_NAME = re.compile(r"\d{4}[pm]\d{3}")


def find_plane(root: Path, brick: str, kind: str, band: str = "") -> Path | None:
    """The file of one plane (``image``, ``invvar``, ``psfsize`` with a band, ``maskbits`` without), None if absent.

    Looked for as ``coadd/<first 3>/<brick>/<file>``, ``<first 3>/<brick>/<file>`` and ``<file>`` below the root. A name
    that is not a brick's, such as one with a slash in it, is nowhere.
    """
    if not _BRICK_NAME.fullmatch(brick):
        return None
    name = f"legacysurvey-{brick}-{kind}{'-' if band else ''}{band}.fits.fz"
    folder = Path(brick[:3]) / brick
    candidates = (root / "coadd" / folder / name, root / folder / name, root / name)
    return next((path for path in candidates if path.is_file()), None)


def has_any_image(root: Path, brick: str) -> bool:
    """Whether the brick has an image in any band of the survey."""
    return any(find_plane(root, brick, "image", band) for band in BANDS)
