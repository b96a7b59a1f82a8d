"""What is measured of a stamp and of a pair, on images of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainer.gates.arc_features import arc_features
from trainer.gates.stamp_features import (
    CORE_RINGS,
    PROFILE_RINGS,
    Centres,
    aperture_flux,
    centroid_offsets,
    core_features,
    measure_stamps,
    normalisation_features,
    pixel_hashes,
    radial_profile,
    radii,
)
from trainer.normalisation import outer_mad_clipped, outer_median_and_scatter
from trainer.train_settings import NormalisationSettings

SIZE = 64
GRID = np.arange(SIZE)


def gaussian(x: float, y: float, sigma: float = 3.0, flux: float = 10.0) -> np.ndarray:
    image = np.exp(-((GRID[None, :] - x) ** 2 + (GRID[:, None] - y) ** 2) / (2 * sigma**2))
    return (flux * image / (2 * np.pi * sigma**2)).astype(np.float32)


def centres(x: float = 32.0, y: float = 32.0, core: tuple[float, float, float] = (np.nan,) * 3, n: int = 1) -> Centres:
    return Centres(np.full(n, x), np.full(n, y), np.tile(core, (n, 1)))


def three(plane: np.ndarray) -> np.ndarray:
    return np.stack([plane] * 3)[None].astype(np.float32)


@pytest.mark.parametrize(("dx", "dy"), [(0.0, 0.0), (0.5, 0.0), (-0.3, 0.7), (2.0, -1.5)])
@pytest.mark.parametrize("sigma", [2.0, 3.0, 4.0])
def test_the_centroid_is_found_where_the_galaxy_lies(dx: float, dy: float, sigma: float) -> None:
    offset = centroid_offsets(gaussian(32 + dx, 32 + dy, sigma)[None], centres())
    assert offset[0] == pytest.approx([dx, dy], abs=0.05)


def test_the_aperture_holds_the_flux_and_leaves_out_a_constant_sky() -> None:
    plane = gaussian(32.3, 31.6)[None] + np.float32(0.01)
    outer = np.hypot(GRID[:, None] - 32, GRID[None, :] - 32) > 24
    assert aperture_flux(plane, radii(SIZE, centres()), outer) == pytest.approx(10.0, rel=1e-3)


def test_the_profile_is_the_mean_of_each_ring_about_the_galaxy_and_not_about_the_stamps_middle() -> None:
    place = centres(30.0, 35.0)
    r = radii(SIZE, place)
    profile = radial_profile(three((r[0] // 2).astype(np.float32)), r).reshape(3, PROFILE_RINGS)
    assert np.sinh(profile[1]) * 0.0041 == pytest.approx(np.arange(PROFILE_RINGS), rel=1e-6)


def test_the_core_knows_nothing_of_what_lies_outside_it_and_ends_band_by_band() -> None:
    place = centres(core=(3.0, 4.5, np.nan))
    r = radii(SIZE, place)
    image = three(gaussian(32, 32))
    changed = image + (r > 5)[:, None] * np.float32(7)
    before, after = (core_features(part, r, place.core_pix) for part in (image, changed))
    assert np.array_equal(before, after, equal_nan=True)
    known = np.isfinite(before.reshape(2, 3, CORE_RINGS))
    assert known.sum(-1).tolist() == [[3, 4, 0], [3, 4, 0]]


def test_the_normalisations_statistics_are_those_that_gen5_uses() -> None:
    images = torch.from_numpy(np.random.default_rng(0).normal(0.02, 0.01, (4, 3, SIZE, SIZE)).astype(np.float32))
    images[:, :, 30:34, 30:34] = 9.0
    centre, scatter = outer_median_and_scatter(images)
    found = normalisation_features(images)
    scale = np.array([0.0023, 0.0041, 0.011])
    assert np.sinh(found[:, :3]) * scale == pytest.approx(centre.numpy(), rel=1e-4)
    assert np.sinh(found[:, 3:6]) * scale == pytest.approx(scatter.numpy(), rel=1e-4)
    assert found[:, 6:] == pytest.approx(16 / SIZE**2)
    normalised = outer_mad_clipped(images, NormalisationSettings(kind="gen5"))
    assert torch.equal(normalised, ((images - centre[:, :, None, None]) / scatter[:, :, None, None]).clamp(-10, 10))


def test_one_changed_pixel_changes_the_hash_and_a_copy_does_not() -> None:
    image = three(gaussian(32, 32))
    other = image.copy()
    other[0, 2, 5, 5] = np.nextafter(other[0, 2, 5, 5], np.float32(1))
    hashes = pixel_hashes(np.concatenate([image, image.copy(), other]))
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_pair_gives_its_arcs_flux_place_and_share_in_the_failed_core_whatever_its_host() -> None:
    host = three(gaussian(32.2, 31.7, flux=80.0))
    arc = three(gaussian(37.0, 30.0, 1.0, flux=3.0) + gaussian(32.0, 46.0, 1.0, flux=1.0))
    found = arc_features(host + arc, host, centres(32.2, 31.7))
    assert found["arc_flux"] == pytest.approx(4.0, rel=1e-3)
    assert found["arc_dx"] == pytest.approx((3 * 37 + 32) / 4 - 32.2, abs=1e-2)
    assert found["arc_dy"] == pytest.approx((3 * 30 + 46) / 4 - 31.7, abs=1e-2)
    assert found["arc_in_failed_core"] == pytest.approx(0.75, abs=1e-2)


def test_every_feature_is_finite_on_a_stamp_of_nothing_but_for_cores_that_are_not() -> None:
    noise = np.random.default_rng(1).normal(0, 0.004, (2, 3, SIZE, SIZE)).astype(np.float32)
    for name, values in measure_stamps(torch.from_numpy(noise), centres(n=2)).items():
        assert len(values) == 2
        assert np.isfinite(values).all() != (name == "core"), name
