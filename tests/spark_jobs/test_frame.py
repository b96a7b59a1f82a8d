"""The stamp's frame: second moments of cut galaxies agree with the catalogue's ellipticity, converted.

No pair of catalogue and image lies in the shared real data, so the galaxies are drawn: each pixel's light follows from its
distance and position angle (north through east) on the sky, by astropy, which knows nothing of the conversion under test.
"""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import numpy.typing as npt
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from schemas.array_codec import decode_arrays
from spark_jobs.physics.catalogue_shape import stamp_ellipticity
from spark_jobs.survey_settings import load_survey
from spark_jobs.transforms.survey.brick_cutouts import CutoutSettings, cut_brick
from spark_jobs.transforms.survey.cutout_rows import cutout_rows, to_be_cut
from tests.spark_jobs.small_brick import BRICK, SIDE, brick_header, noise_planes, sky_of, write_brick
from tests.spark_jobs.small_hosts import host_row

SHAPES = [(0.3, 0.0), (-0.3, 0.0), (0.0, 0.3), (0.0, -0.3), (0.2, 0.15)]
PLACES = [(70.3, 70.8), (280.1, 75.0), (75.6, 290.2), (285.5, 285.5), (180.2, 179.6)]
RADIUS_ARCSEC = 1.6


def drawn(x: float, y: float, shape_e1: float, shape_e2: float) -> npt.NDArray[np.float32]:
    """A brick with an elliptical Gaussian whose axes follow the catalogue's definition on the sky."""
    wcs = WCS(brick_header())
    yy, xx = np.indices((SIDE, SIDE))
    centre = SkyCoord(*sky_of(x, y), unit="deg")
    sky = SkyCoord(*wcs.wcs_pix2world(xx.ravel(), yy.ravel(), 0), unit="deg")
    e, theta = np.hypot(shape_e1, shape_e2), 0.5 * np.arctan2(shape_e2, shape_e1)
    q = (1 - e) / (1 + e)
    radius, angle = centre.separation(sky).to_value(u.arcsec), centre.position_angle(sky).to_value(u.rad) - theta
    squared = (radius * np.cos(angle)) ** 2 * q + (radius * np.sin(angle)) ** 2 / q
    return (5 * np.exp(-0.5 * squared / RADIUS_ARCSEC**2)).reshape(SIDE, SIDE).astype(np.float32)


def moments_ellipticity(image: npt.NDArray[np.float32], x: float, y: float) -> tuple[float, float]:
    """(1 - q)/(1 + q) (cos 2 phi, sin 2 phi) from second moments about a position."""
    yy, xx = np.indices(image.shape)
    weight = image.astype(float) / image.sum()
    xx, yy = xx - x, yy - y
    ixx, iyy, ixy = (weight * xx * xx).sum(), (weight * yy * yy).sum(), (weight * xx * yy).sum()
    scale = ixx + iyy + 2 * np.sqrt(ixx * iyy - ixy**2)
    return float((ixx - iyy) / scale), float(2 * ixy / scale)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, float], npt.NDArray[np.float32]]]:
    planes = noise_planes("g")
    planes["image-g"] = sum(drawn(*place, *shape) for place, shape in zip(PLACES, SHAPES, strict=True))
    root: Path = write_brick(tmp_path_factory.mktemp("frame"), planes)
    settings = CutoutSettings(root, load_survey("legacy_dr10"), 64, ("g",))
    hosts = [
        host_row(n, *sky_of(*place), BRICK, shape_e1=shape[0], shape_e2=shape[1])
        for n, (place, shape) in enumerate(zip(PLACES, SHAPES, strict=True))
    ]
    rows = list(cutout_rows(settings, hosts, cut_brick(settings, BRICK, *to_be_cut(hosts))))
    return [(row, decode_arrays(row["cutout_npz"])["image_g"]) for row in rows]


@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_second_moments_of_a_cutout_agree_with_the_converted_catalogue_shape(
    cut: list[tuple[dict[str, float], npt.NDArray[np.float32]]], number: int
) -> None:
    row, image = cut[number]
    measured = moments_ellipticity(image, row["x_centre_pix"], row["y_centre_pix"])
    assert measured == pytest.approx(stamp_ellipticity(*SHAPES[number]), abs=0.005)


@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_the_recorded_centre_is_the_centre_of_the_light(
    cut: list[tuple[dict[str, float], npt.NDArray[np.float32]]], number: int
) -> None:
    row, image = cut[number]
    yy, xx = np.indices(image.shape)
    weight = image.astype(float) / image.sum()
    centroid = ((weight * xx).sum(), (weight * yy).sum())
    assert centroid == pytest.approx((row["x_centre_pix"], row["y_centre_pix"]), abs=0.01)
