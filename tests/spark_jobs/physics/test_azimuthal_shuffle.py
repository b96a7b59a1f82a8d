"""A shuffled arc: the flux at every radius stays, no sector does, and it is as unlike the whole arc as it says."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.physics.azimuthal_shuffle import (
    LARGEST_CORRELATION,
    LEAST_SECTORS,
    LikeItselfError,
    Tearing,
    azimuthal_shuffle,
)

FloatArray = npt.NDArray[np.float64]

SIZE, CENTRE = 61, (30.4, 29.3)
ROW, COLUMN = np.indices((SIZE, SIZE))
R = np.hypot(COLUMN - CENTRE[0], ROW - CENTRE[1])
AZIMUTH = np.arctan2(ROW - CENTRE[1], COLUMN - CENTRE[0])

seeds = st.integers(0, 2**32 - 1)
sector_counts = st.integers(LEAST_SECTORS, 24)


def tearing(seed: int, sectors: int = 12, maximum_correlation: float = LARGEST_CORRELATION) -> Tearing:
    return Tearing(sectors, maximum_correlation, np.random.default_rng(seed))


def arc(opening: float = 0.7, radius: float = 16.0) -> FloatArray:
    """A Gaussian arc and its fainter counter-image."""
    light = [
        height * np.exp(-0.5 * ((R - at) / 2) ** 2 - 0.5 * (((AZIMUTH - towards + np.pi) % (2 * np.pi) - np.pi) / opening) ** 2)
        for height, at, towards in ((1.0, radius, 0.4), (0.4, 0.6 * radius, 0.4 + math.pi))
    ]
    return np.asarray(light[0] + light[1])


def blurred(image: FloatArray, sigma: float) -> FloatArray:
    """By a Gaussian, written out as a matrix."""
    place = np.arange(len(image))
    kernel = np.exp(-0.5 * ((place[:, None] - place[None, :]) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    return np.asarray(kernel @ image @ kernel.T)


def pearson(one: FloatArray, other: FloatArray) -> float:
    a, b = one - one.mean(), other - other.mean()
    return float(np.sum(a * b) / math.sqrt(np.sum(a * a) * np.sum(b * b)))


def points(sectors: int) -> tuple[FloatArray, npt.NDArray[np.int64], tuple[float, float]]:
    """One lit pixel every fifth of a sector, each on a circle of its own, four pixels from the next; their places (x, y)."""
    count = 5 * sectors
    azimuth, radius = 2 * np.pi * np.arange(count) / count, 12.0 + 4.0 * np.arange(count)
    middle = math.ceil(radius[-1]) + 4
    x, y = np.rint(middle + radius * np.cos(azimuth)), np.rint(middle + radius * np.sin(azimuth))
    places = np.stack([x, y], axis=1).astype(np.int64)
    image = np.zeros((2 * middle + 1, 2 * middle + 1))
    image[places[:, 1], places[:, 0]] = 1.0
    return image, places, (middle + 0.2, middle - 0.1)


@pytest.mark.parametrize("sectors", [8, 9, 16])
@pytest.mark.parametrize("seed", range(4))
def test_no_sector_is_kept_and_no_two_stay_side_by_side(sectors: int, seed: int) -> None:
    """Each point keeps its circle, so where it went can be seen: by whole sectors, as many ways as there are sectors."""
    image, places, centre = points(sectors)
    torn = azimuthal_shuffle(image, centre, tearing(seed, sectors)).image
    row, column = np.indices(image.shape)
    r = np.hypot(column - centre[0], row - centre[1])
    turns = []
    for x, y in places:
        start = complex(x - centre[0], y - centre[1])
        ring = np.abs(r - abs(start)) < 1.6
        light = torn[ring]
        assert light.sum() == pytest.approx(1, abs=1e-9)
        end = complex(np.sum(light * (column[ring] - centre[0])), np.sum(light * (row[ring] - centre[1])))
        assert abs(end) == pytest.approx(abs(start), abs=1e-9)
        turns.append(float(np.angle(end / start)) * sectors / (2 * math.pi))
    whole = np.rint(np.array(turns)).astype(int) % sectors
    np.testing.assert_allclose(turns, np.rint(np.array(turns)), rtol=0, atol=1e-6)
    assert not np.any(whole == 0)
    starts = np.flatnonzero(whole != np.roll(whole, 1))
    assert len(starts) == sectors  # two neighbours that stayed side by side would have turned alike
    assert sorted((np.arange(sectors) + whole[starts]) % sectors) == list(range(sectors))


@settings(max_examples=40, deadline=None)
@given(seeds, seeds, sector_counts, st.floats(-3, 3), st.floats(-3, 3))
def test_any_image_keeps_its_flux_and_its_light_moves_by_less_than_a_pixel_in_radius(
    image_seed: int, seed: int, sectors: int, dx: float, dy: float
) -> None:
    """Shared by four pixels, light at fractions f of a pixel gains sum f (1 - f), 0 to 1/2, in mean square radius."""
    image = np.random.default_rng(image_seed).exponential(1.0, (SIZE, SIZE)) * (R < 20)
    centre = (30 + dx, 30 + dy)
    torn = azimuthal_shuffle(image, centre, tearing(seed, sectors)).image
    square = (COLUMN - centre[0]) ** 2 + (ROW - centre[1]) ** 2
    assert torn.sum() == pytest.approx(image.sum(), rel=1e-12)
    assert torn.min() >= 0
    assert -1e-9 < (np.sum(torn * square) - np.sum(image * square)) / image.sum() < 0.5


@settings(max_examples=20, deadline=None)
@given(seeds, sector_counts)
def test_an_arc_has_the_same_light_inside_every_circle_to_2_per_cent(seed: int, sectors: int) -> None:
    image = arc()
    torn = azimuthal_shuffle(image, CENTRE, tearing(seed, sectors)).image
    for radius in np.arange(2.0, 28.0, 2.0):
        assert torn[radius > R].sum() == pytest.approx(image[radius > R].sum(), abs=0.02 * image.sum())


def test_pixels_whose_circle_leaves_the_image_stay() -> None:
    image = np.random.default_rng(5).exponential(1.0, (SIZE, SIZE))
    torn = azimuthal_shuffle(image, CENTRE, tearing(1)).image
    outside = R > 31.5  # the circle that touches the edge has a radius of 29.3, and light is shared to 1.5 pixels from it
    np.testing.assert_array_equal(torn[outside], image[outside])
    between = (R < 27) & (R > 2)
    assert np.mean(torn[between] == image[between]) < 0.01


@settings(max_examples=20, deadline=None)
@given(seeds, sector_counts, st.floats(0.8, 3.0))
def test_the_correlation_is_that_of_the_blurred_images_and_no_higher_than_asked(seed: int, sectors: int, sigma: float) -> None:
    image = arc(opening=0.4)
    shuffled = azimuthal_shuffle(image, CENTRE, tearing(seed, sectors, 0.4), seen_through_pix=sigma)
    assert shuffled.correlation == pytest.approx(pearson(blurred(image, sigma), blurred(shuffled.image, sigma)), abs=2e-3)
    assert shuffled.correlation <= 0.4
    sharp = azimuthal_shuffle(image, CENTRE, tearing(seed, sectors, 0.4))
    assert sharp.correlation == pytest.approx(pearson(image, sharp.image), abs=1e-9)


def test_an_order_that_leaves_the_arc_too_alike_is_followed_by_another() -> None:
    image = arc(opening=0.9)
    found = 0
    for seed in range(12):
        first = azimuthal_shuffle(image, CENTRE, tearing(seed))
        if first.correlation < 0.1:
            continue
        limit = 0.999 * first.correlation
        try:
            second = azimuthal_shuffle(image, CENTRE, tearing(seed, maximum_correlation=limit))
        except LikeItselfError:
            continue
        assert second.correlation <= limit
        assert not np.array_equal(first.image, second.image)
        found += 1
    assert found >= 4


def test_the_same_chance_gives_the_same_bytes_and_another_chance_another_arc() -> None:
    first, again, other = (azimuthal_shuffle(arc(), CENTRE, tearing(seed)) for seed in (3, 3, 4))
    assert first.image.tobytes() == again.image.tobytes()
    assert first.correlation == again.correlation
    assert not np.allclose(first.image, other.image, rtol=0, atol=0.1 * first.image.max())


def test_the_image_that_is_given_stays_whole() -> None:
    image = arc()
    azimuthal_shuffle(image, CENTRE, tearing(3))
    np.testing.assert_array_equal(image, arc())


def test_an_even_ring_cannot_be_torn() -> None:
    with pytest.raises(LikeItselfError, match=r"correlation with the whole arc is 0\.9\d\d at best in 8 orders; wanted 0\.5"):
        azimuthal_shuffle(np.exp(-0.5 * ((R - 16) / 2) ** 2), CENTRE, tearing(1))


def test_a_ring_of_specks_can_be_torn_unless_it_is_seen_through_a_psf_that_makes_it_even() -> None:
    ring = np.exp(-0.5 * ((R - 16) / 2) ** 2) * (np.random.default_rng(2).uniform(size=R.shape) < 0.2)
    assert azimuthal_shuffle(ring, CENTRE, tearing(1)).correlation < 0.3
    with pytest.raises(LikeItselfError, match=r"at best in 8 orders; wanted 0\.5"):
        azimuthal_shuffle(ring, CENTRE, tearing(1), seen_through_pix=4.0)


@pytest.mark.parametrize(
    ("sectors", "maximum_correlation", "told"),
    [
        (7, 0.3, r"7 sectors, correlation up to 0\.3; wanted 8 sectors or more and at most 0\.5"),
        (8, 0.51, r"8 sectors, correlation up to 0\.51; wanted 8 sectors or more and at most 0\.5"),
        (8, 0.0, r"correlation up to 0\.0;"),
        (8, -0.1, r"correlation up to -0\.1;"),
        (8, math.nan, "correlation up to nan;"),
    ],
)
def test_a_tearing_that_would_leave_the_arc_alike_is_refused(sectors: int, maximum_correlation: float, told: str) -> None:
    assert tearing(1, 8, 0.5).sectors == 8
    with pytest.raises(ValueError, match=told):
        tearing(1, sectors, maximum_correlation)


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (np.ones((5, 6)), r"image of shape \(5, 6\) and flux 30; wanted a square one with finite light"),
        (np.ones(5), r"image of shape \(5,\) and flux 5;"),
        (np.zeros((5, 5)), r"image of shape \(5, 5\) and flux 0;"),
        (-np.ones((5, 5)), "flux -25;"),
        (np.full((5, 5), np.nan), "flux nan;"),
        (np.diag([1.0, np.inf, 1.0]), "flux inf;"),
    ],
)
def test_an_image_that_cannot_be_torn_is_refused(image: FloatArray, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        azimuthal_shuffle(image, (2.0, 2.0), tearing(1))
