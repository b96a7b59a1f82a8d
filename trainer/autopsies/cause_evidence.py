"""What the pixels of two sets of images say of the causes why they may differ in brightness, each figure with its interval.

Legend: ``one`` is looked at, ``other`` is what it is held against; a factor is one over other, a change is one less other.
Light is that within 8 px of the galaxy in r; per band means g, r, z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.survey import BANDS
from trainer.autopsies.image_sets import ImageSet
from trainer.autopsies.measurements import Measured
from trainer.autopsies.set_draws import Drawn, mean_of, median_of, of_both
from trainer.gates.class_scores import Chance
from trainer.judge import Numbers

Side = tuple[ImageSet, Measured]
FEWEST = 5
_R = BANDS.index("r")


@dataclass(frozen=True)
class Evidence:
    """Figures of two sets. Those of galaxies are of objects with a galaxy in their middle; a figure of fewer than five is NaN.

    ``light`` takes every object, ``light_of_galaxies`` those with a galaxy. ``noise`` is held against what the stated depths
    imply where both sets state them (``depths_known``). ``photometry`` is aperture less catalogue, in mag.
    """

    one: str
    other: str
    light: Drawn
    light_of_galaxies: Drawn
    centred: Drawn
    centred_of_other: Drawn
    catalogue: Drawn
    aperture: Drawn
    photometry: Drawn
    noise: Sequence[Drawn]
    depths_known: bool
    texture: Sequence[Drawn]
    level: Sequence[Drawn]

    @property
    def missing_galaxies(self) -> Drawn:
        """Change of the share with a galaxy in the middle."""
        return of_both(self.centred, self.centred_of_other, np.subtract)


def evidence(one: Side, other: Side, how: Chance) -> Evidence:
    """All figures of one set held against another."""
    sides = one, other
    galaxies = [_galaxies(side) for side in sides]
    known = all(np.isfinite(seen["expected_noise"]).any() for _, seen in sides)
    over = [seen["noise"] / (seen["expected_noise"] if known else 1.0) for _, seen in sides]
    return Evidence(
        one=one[0].name,
        other=other[0].name,
        light=_change([median_of(seen["core_flux"][:, _R], of, how) for of, seen in sides], ratio=True),
        light_of_galaxies=_of_galaxies(galaxies, [seen["core_flux"][:, _R] for _, seen in galaxies], how, ratio=True),
        centred=mean_of(one[1]["centred"], one[0], how),
        centred_of_other=mean_of(other[1]["centred"], other[0], how),
        catalogue=_of_galaxies(galaxies, [of.mag_r for of, _ in galaxies], how),
        aperture=_of_galaxies(galaxies, [seen["aperture_mag"] for _, seen in galaxies], how),
        photometry=_of_galaxies(galaxies, [seen["aperture_mag"] - of.mag_r for of, seen in galaxies], how),
        noise=[_by_band(sides, over, band, how, ratio=True) for band in range(len(BANDS))],
        depths_known=known,
        texture=[_by_band(sides, [seen["texture"] for _, seen in sides], band, how) for band in range(len(BANDS))],
        level=[_by_band(sides, [seen["pedestal"] for _, seen in sides], band, how) for band in range(len(BANDS))],
    )


def _galaxies(side: Side) -> Side:
    of, seen = side
    rows = np.flatnonzero(seen["centred"] == 1)
    return of.of(rows), {name: values[rows] for name, values in seen.items()}


def _of_galaxies(galaxies: Sequence[Side], values: Sequence[Numbers], how: Chance, *, ratio: bool = False) -> Drawn:
    medians = [median_of(value, of, how) for value, (of, _) in zip(values, galaxies, strict=True)]
    if min(one.n for one in medians) < FEWEST:
        return Drawn(np.nan, np.empty(0), sum(one.n for one in medians), sum(one.n_units for one in medians), medians[0].unit)
    return _change(medians, ratio=ratio)


def _by_band(sides: Sequence[Side], values: Sequence[Numbers], band: int, how: Chance, *, ratio: bool = False) -> Drawn:
    medians = [median_of(value[:, band], of, how) for value, (of, _) in zip(values, sides, strict=True)]
    return _change(medians, ratio=ratio)


def _change(medians: Sequence[Drawn], *, ratio: bool) -> Drawn:
    one, other = medians
    return of_both(one, other, np.divide if ratio else np.subtract)
