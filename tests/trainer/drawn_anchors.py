"""A drawn sky around real lens positions: bright early types where deflectors are, faint galaxies everywhere, noise.

One function goes from a position to an image, whatever the position is called; so right, wrong and random positions are
treated alike. Positions in degrees, images in nMgy per pixel, x to the west and y to the north.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.array_codec import encode_arrays
from schemas.contract_files import Provenance, write_table
from schemas.cutouts import CUTOUTS
from schemas.refusal_reasons import Reason
from schemas.run_record import RunIdentity, begin_run, finish_run
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC

Floats = npt.NDArray[np.float64]
Positions = dict[str, tuple[float, float]]

SIZE = 64
SIGMA = {"g": 0.0023, "r": 0.0041, "z": 0.011}
COLOUR = {"g": 1.1, "r": 0.0, "z": -0.7}
_SEEING_ARCSEC = 0.6
_TILE_DEG = 1 / 60
_FAINT_A_TILE = 25.0  # galaxies to r = 24 on a square arcmin
_FAINTEST, _BRIGHTEST, _SLOPE = 24.0, 18.0, 0.4


def listed_positions(folder: Path) -> tuple[Positions, Positions, Positions]:
    """Of the 60 lenses: the catalogue's positions and the wrong ones; and those of Auger et al. (2009) of 59 lenses."""
    with open(folder / "slacs_bells.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    catalogued = {row["name"]: (float(row["ra_deg"]), float(row["dec_deg"])) for row in rows}
    wrong = {row["name"]: (float(row["wrong_ra_deg"]), float(row["wrong_dec_deg"])) for row in rows}
    words = [line.split() for line in (folder / "SLACS_table_Auger2009.cat").read_text().splitlines() if line[0] != "#"]
    return catalogued, wrong, {word[0]: (float(word[1]), float(word[2])) for word in words}


def chance_of(key: str) -> np.random.Generator:
    """Chance that hangs on a name alone."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little"))


@dataclass(frozen=True)
class DrawnSky:
    """Deflectors by name, each of r = 16 to 18.5 and a half-light radius of 1.2 to 2.6 arcsec."""

    deflectors: Mapping[str, tuple[float, float]]

    def mag_r(self, name: str) -> float:
        """The drawn total magnitude of a deflector."""
        return float(chance_of(f"deflector:{name}").uniform(16.0, 18.5))

    def image(self, ra: float, dec: float) -> dict[str, npt.NDArray[np.float32]]:
        """The stamp around a position."""
        x, y = self._offsets(ra, dec)
        clean = np.zeros((SIZE, SIZE))
        for name, place in self.deflectors.items():
            if abs(place[1] - dec) < 0.02 and abs((place[0] - ra) * np.cos(np.radians(dec))) < 0.02:
                radius = chance_of(f"radius:{name}").uniform(1.2, 2.6)
                clean += _early_type(x, y, _seen_from(ra, dec, *place), 10 ** (0.4 * (22.5 - self.mag_r(name))), radius)
        faint = self._faint_near(ra, dec)
        dx, dy = np.array([_seen_from(ra, dec, *place) for place, _, _ in faint]).T
        flux, width = np.array([(flux, width) for _, flux, width in faint]).T
        along, across = (np.exp(-((axis[:, None] - at) ** 2) / (2 * width**2)) for axis, at in ((x[0], dx), (y[:, 0], dy)))
        clean += (across * flux * PIXEL_SCALE_ARCSEC**2 / (2 * np.pi * width**2)) @ along.T
        noise = chance_of(f"noise:{ra:.6f}:{dec:.6f}")
        return {
            band: (clean * 10 ** (-0.4 * COLOUR[band]) + noise.normal(0, SIGMA[band], clean.shape)).astype(np.float32)
            for band in BANDS
        }

    @staticmethod
    def _offsets(ra: float, dec: float) -> tuple[Floats, Floats]:
        """(west, north) of each pixel from the position, which lies on pixel SIZE / 2."""
        y, x = (np.indices((SIZE, SIZE)) - SIZE / 2) * PIXEL_SCALE_ARCSEC
        return x, y

    @staticmethod
    def _faint_near(ra: float, dec: float) -> list[tuple[tuple[float, float], float, float]]:
        """Faint galaxies of the tiles around a position: counts rise as 10^(0.4 r)."""
        found = []
        row, stretch = int(np.floor(dec / _TILE_DEG)), np.cos(np.radians(dec))
        column = int(np.floor(ra * stretch / _TILE_DEG))
        for tile in ((column + i, row + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
            random = chance_of(f"tile:{tile}:{round(stretch, 3)}")
            for _ in range(random.poisson(_FAINT_A_TILE)):
                east, north, share, width = random.random(4)
                low, high = 10 ** (_SLOPE * (_BRIGHTEST - _FAINTEST)), 1.0
                mag = _FAINTEST + np.log10(low + share * (high - low)) / _SLOPE
                place = ((tile[0] + east) * _TILE_DEG / stretch, (tile[1] + north) * _TILE_DEG)
                found.append((place, 10 ** (0.4 * (22.5 - mag)), 0.55 + 0.3 * width))
        return found


def write_cutouts_run(directory: Path, sky: DrawnSky, positions: Mapping[str, tuple[float, float]], **changes: Any) -> Path:
    """A finished cutouts run of the positions under their names; ``changes`` replaces columns of every row."""
    return write_cutout_rows(
        directory, [cutout_row(name, *place, sky.image(*place)) | changes for name, place in positions.items()]
    )


def write_cutout_rows(directory: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """A finished cutouts run of these rows."""
    identity = RunIdentity("test-cutouts", "test")
    begin_run(directory, identity)
    table = pa.Table.from_pylist([dict(row) for row in rows], CUTOUTS.arrow_schema())
    write_table(directory / "anchors.parquet", table, CUTOUTS, Provenance("test"))
    finish_run(directory, identity, [directory / "anchors.parquet"], {}, {})
    return directory


def cutout_row(name: str, ra: float, dec: float, images: Mapping[str, npt.NDArray[np.float32]] | None) -> dict[str, Any]:
    """A row of the cutouts table; without images a refused one."""
    row: dict[str, Any] = dict.fromkeys(CUTOUTS.names)
    row |= {"host_id": name, "ra_deg": ra, "dec_deg": dec, "brickname": "0000p000", "cell": 0, "size_pix": SIZE, "bands": "grz"}
    if images is None:
        return row | {"reasons": int(Reason.BRICK_MISSING)}
    arrays: dict[str, Any] = {f"image_{band}": image for band, image in images.items()}
    arrays |= {f"invvar_{band}": np.full(image.shape, SIGMA[band] ** -2, np.float32) for band, image in images.items()}
    arrays["maskbits"] = np.zeros((SIZE, SIZE), np.int32)
    blob = encode_arrays(arrays)
    return row | {"x_centre_pix": SIZE / 2, "y_centre_pix": SIZE / 2, "reasons": 0, "cutout_npz": blob}


def _seen_from(ra: float, dec: float, ra_there: float, dec_there: float) -> tuple[float, float]:
    """(west, north) in arcsec of a nearby place."""
    east = (ra_there - ra) * np.cos(np.radians(dec)) * 3600
    return float(-east), float((dec_there - dec) * 3600)


def _early_type(x: Floats, y: Floats, centre: tuple[float, float], flux: float, radius: float) -> Floats:
    """De Vaucouleurs' law, its cusp softened by the seeing; the total within 20 half-light radii is ``flux``."""
    grid = np.arange(0.05, 20 * radius, 0.05)
    total = float((2 * np.pi * grid * _law(grid, radius) * 0.05).sum())
    return flux * PIXEL_SCALE_ARCSEC**2 * _law(np.hypot(x - centre[0], y - centre[1]), radius) / total


def _law(r: Floats, radius: float) -> Floats:
    return np.exp(-7.669 * (np.hypot(r, _SEEING_ARCSEC) / radius) ** 0.25)
