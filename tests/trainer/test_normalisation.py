"""Pixels to network input: an arc on a bright host stays visible, colour survives, and the old rule is reproduced."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainer.normalisation import normalise_images
from trainer.train_settings import NormalisationSettings

ASINH, GEN5 = NormalisationSettings(), NormalisationSettings(kind="gen5")
SIGMA = np.array([0.0023, 0.0041, 0.011])
SIZE, PIXEL = 64, 0.262


def radius_arcsec() -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    return np.hypot(x, y) * PIXEL


def de_vaucouleurs_host(mag_r: float = 17.0) -> np.ndarray:
    """(3, 64, 64) nMgy: half-light radius 1.5 arcsec, softened by a seeing of about 1.25 arcsec, g - r 1.5, r - z 0.8."""
    profile = np.exp(-7.67 * (np.hypot(radius_arcsec(), 0.5) / 1.5) ** 0.25)
    flux_r = 10 ** (0.4 * (22.5 - mag_r))
    return np.stack([profile / profile.sum() * flux_r * colour for colour in (10**-0.6, 1.0, 10**0.32)])


def arc(theta_e: float = 1.2, mag_r: float = 21.5) -> np.ndarray:
    """Half a ring of that Einstein radius, 0.55 arcsec wide as the seeing makes it, blue."""
    y, _ = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    shape = np.exp(-(((radius_arcsec() - theta_e) / 0.55) ** 2)) * (y > 0)
    return np.stack([shape / shape.sum() * 10 ** (0.4 * (22.5 - mag_r)) * colour for colour in (0.7, 1.0, 1.2)])


def pair() -> torch.Tensor:
    """(2, 3, 64, 64): the host with an arc, and the same sky without."""
    noise = np.random.default_rng(4).normal(size=(3, SIZE, SIZE)) * SIGMA[:, None, None]
    control = de_vaucouleurs_host() + noise
    return torch.tensor(np.stack([control + arc(), control]), dtype=torch.float32)


def where_the_arc_is() -> torch.Tensor:
    return torch.tensor(arc()[1] > 0.5 * arc()[1].max())


def test_an_arc_at_1p2_arcsec_on_a_host_of_r_17_stands_out_in_every_band() -> None:
    images = pair()
    lens, control = normalise_images(images, ASINH)
    again = normalise_images(images[1:] + torch.randn(1, 3, SIZE, SIZE) * torch.tensor(SIGMA)[None, :, None, None], ASINH)[0]
    for band in range(3):
        signal = (lens - control)[band][where_the_arc_is()].mean()
        noise = (again - control)[band][where_the_arc_is()].std()
        assert signal > 2 * noise, f"band {band}: {signal:.4f} against {noise:.4f} a pixel"


def test_the_failed_experiments_rule_cuts_that_arc_off() -> None:
    lens, control = normalise_images(pair(), GEN5)
    inside = where_the_arc_is()
    for band in range(3):
        assert (control[band][inside] == 10).float().mean() > 0.9
        assert (lens - control)[band][inside].abs().mean() < 0.05


def test_the_clipped_core_is_as_wide_as_the_design_computed() -> None:
    control = normalise_images(pair()[1:], GEN5)[0]
    for band in range(3):
        clipped = radius_arcsec()[(control[band] == 10).numpy()]
        assert clipped.max() > 1.9


def test_the_same_flux_gives_the_same_number_whatever_the_noise_of_the_stamp() -> None:
    quiet, loud = (torch.randn(1, 3, SIZE, SIZE) * sigma for sigma in (0.001, 0.002))
    for image in (quiet, loud):
        image[..., 32, 32] = 0.01
    levels = [normalise_images(image, ASINH)[0, :, 32, 32] for image in (quiet, loud)]
    assert torch.allclose(*levels, atol=0.05)
    by_noise = [normalise_images(image, GEN5)[0, :, 32, 32] for image in (quiet, loud)]
    assert (by_noise[0] > 1.7 * by_noise[1]).all()


def test_asinh_is_its_formula() -> None:
    image = torch.full((1, 3, 16, 16), 0.002)
    image[..., 8, 8] = 0.302
    expected = np.arcsinh(0.3 / (3.0 * SIGMA))
    assert np.allclose(normalise_images(image, ASINH)[0, :, 8, 8], expected, rtol=1e-4)
    assert normalise_images(image, ASINH)[0, :, 0, 0].abs().max() < 1e-6


def test_nothing_is_cut_below_ten_thousand_sigma() -> None:
    image = torch.zeros(1, 3, 16, 16)
    image[..., 8, 8], image[..., 8, 9] = torch.tensor(SIGMA * 9000).float(), torch.tensor(SIGMA * 9900).float()
    out = normalise_images(image, ASINH)
    assert (out[..., 8, 9] > out[..., 8, 8]).all()
    with pytest.raises(ValueError, match="clip_sigma"):
        NormalisationSettings(clip_sigma=100)


@pytest.mark.parametrize("size", [64, 65, 16])
def test_gen5_is_the_median_and_mad_of_the_outer_annulus_as_numpy_has_them(size: int) -> None:
    image = np.random.default_rng(size).normal(size=(2, 3, size, size)).astype(np.float32)
    y, x = np.mgrid[:size, :size] - size // 2
    outer = image[:, :, np.hypot(x, y) > size / 4]
    median = np.median(outer, axis=-1)
    mad = np.median(np.abs(outer - median[..., None]), axis=-1)
    expected = np.clip((image - median[..., None, None]) / (1.4826 * mad + 1e-6)[..., None, None], -10, 10)
    assert np.allclose(normalise_images(torch.from_numpy(image), GEN5), expected, atol=1e-4)


def test_a_stamp_is_normalised_the_same_alone_and_in_a_batch() -> None:
    images = pair()
    for settings in (ASINH, GEN5):
        assert torch.equal(normalise_images(images, settings)[1:], normalise_images(images[1:], settings))
