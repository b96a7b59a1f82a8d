"""What a fetch is asked for: one file, where from, where to, and what it must hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CubeAsked:
    """A cutout's content: bands in order, ``size`` pixels a side, its centre in degrees."""

    bands: tuple[str, ...]
    size: int
    ra_deg: float
    dec_deg: float

    @property
    def shape(self) -> tuple[int, ...]:
        """(band, y, x); of one band the service sends (y, x)."""
        square = (self.size, self.size)
        return (len(self.bands), *square) if len(self.bands) > 1 else square


@dataclass(frozen=True)
class WantedFile:
    """One file: its path below the target, with slashes, and its address. ``cube`` is None for a plane of a brick."""

    path: str
    url: str
    cube: CubeAsked | None = None
