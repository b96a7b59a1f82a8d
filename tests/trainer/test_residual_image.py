"""What is left without the galaxy's smooth light: nothing of a round galaxy, all of what is not round."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainer.normalisation import normalise_images
from trainer.residual_image import radius_pix, without_azimuthal_median, without_gaussian
from trainer.train_settings import NormalisationSettings

SIZE = 64


def round_galaxy() -> torch.Tensor:
    r = radius_pix(SIZE, torch.device("cpu"))
    return torch.exp(-r / 6).expand(2, 3, -1, -1).clone()


def test_a_round_galaxy_is_gone_but_for_the_curvature_inside_a_ring() -> None:
    galaxy = round_galaxy()
    left = without_azimuthal_median(galaxy)
    outside = radius_pix(SIZE, torch.device("cpu")) > 4
    assert left[:, :, outside].abs().max() < 0.02
    assert left.abs().max() < 0.08


def test_the_profile_is_the_median_of_each_ring_a_pixel_wide() -> None:
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    smooth = (images - without_azimuthal_median(images))[0, 1].double().numpy()
    r = radius_pix(32, torch.device("cpu")).double().numpy()
    ring = np.round(r).astype(int)
    medians = np.array([np.median(images[0, 1].numpy()[ring == n]) for n in range(ring.max() + 1)])
    np.testing.assert_allclose(smooth, np.interp(r, np.arange(len(medians)), medians), atol=2e-6)


def test_an_arc_on_a_round_galaxy_stays_whole() -> None:
    galaxy = round_galaxy()
    arc = torch.zeros(SIZE, SIZE)
    arc[40:44, 28:36] = 0.1
    left = without_azimuthal_median(galaxy + arc) - without_azimuthal_median(galaxy)
    assert left[0, 0, 40:44, 28:36].min() > 0.097  # it moves the medians of its rings a little
    assert left[0, 0][arc == 0].min() > -0.003


def test_taking_a_gaussian_off_leaves_no_level_and_no_slope() -> None:
    along = torch.arange(32.0)
    plane = (3 + 0.5 * along + 0.2 * along[:, None]).expand(1, 3, -1, -1)
    left = without_gaussian(plane, 2.0)
    assert left[:, :, 10:-10, 10:-10].abs().max() < 1e-5
    point = torch.zeros(1, 3, 64, 64)
    point[:, :, 32, 32] = 1
    assert without_gaussian(point, 3.0)[0, 0, 32, 32].item() == pytest.approx(1 - 1 / (2 * np.pi * 9), rel=1e-3)


@pytest.mark.parametrize("residual", ["azimuthal_median", "gaussian"])
def test_the_network_sees_the_stamp_and_beside_it_the_residual_on_the_same_scale(residual: str) -> None:
    settings = NormalisationSettings.model_validate({"residual": residual})
    images = 0.01 * round_galaxy()
    six = normalise_images(images, settings)
    assert six.shape == (2, settings.channels, SIZE, SIZE) == (2, 6, SIZE, SIZE)
    assert torch.equal(six[:, :3], normalise_images(images, NormalisationSettings()))
    left = without_azimuthal_median(images) if residual == "azimuthal_median" else without_gaussian(images, 4.0)
    torch.testing.assert_close(six[:, 4], torch.asinh(left[:, 1] / (3 * 0.0041)))


def test_residuals_of_clipped_stamps_are_refused() -> None:
    with pytest.raises(ValueError, match="residual is 'gaussian' and kind is 'gen5'; wanted kind asinh"):
        NormalisationSettings(kind="gen5", residual="gaussian")
