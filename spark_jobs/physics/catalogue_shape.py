"""From the catalogue's ellipticity, measured east of north, to the stamp's, measured from +x (west) towards +y (north).

Legend: e = (1 - q) / (1 + q) with q = minor/major axis, the convention of the Legacy Surveys catalogues (SHAPE_E1, SHAPE_E2)
and of lenstronomy alike. Dimensionless; scalars or arrays of any one shape.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Ellipticity = TypeVar("Ellipticity", float, np.float64, npt.NDArray[np.float64])


def stamp_ellipticity(shape_e1: Ellipticity, shape_e2: Ellipticity) -> tuple[Ellipticity, Ellipticity]:
    """``(e1, e2) = e (cos 2 phi, sin 2 phi)`` on the stamp, phi counter-clockwise from +x, of catalogue components.

    The catalogue's angle theta runs from north (+y) to east (-x), so phi = 90 deg + theta, and doubling the angle turns the
    shift into a sign: both components change it. NaN in, NaN out. Source: Legacy Surveys DR10 catalogue description
    (https://www.legacysurvey.org/dr10/catalogs/#ellipticities).
    """
    return -shape_e1, -shape_e2
