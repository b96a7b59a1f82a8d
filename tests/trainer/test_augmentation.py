"""Variations of a stamp: what another night would have changed, by identity, flux and noise accounted for."""

from __future__ import annotations

import math

import pytest
import torch

from schemas.survey import PIXEL_SCALE_ARCSEC
from trainer.augmentation import shifted_and_broadened, turn, vary_input, vary_stamps
from trainer.keyed_chance import KeyedChance, stamp_keys
from trainer.sky_of_stamps import sky_noise
from trainer.train_settings import AugmentationSettings

COLUMNS = ("psf_depth_r_mag", "psf_fwhm_r_arcsec")


def chance(count: int, epoch: int = 0) -> KeyedChance:
    return KeyedChance(stamp_keys([f"{n:032x}" for n in range(count)], 1, epoch))


def blob(x: float, y: float, sigma: float, size: int = 64) -> torch.Tensor:
    """A Gaussian of flux one, centre in pixels from the first, (1, 3, size, size)."""
    along = torch.arange(size, dtype=torch.float64)
    image = torch.exp(-((along - x) ** 2 + (along[:, None] - y) ** 2) / (2 * sigma**2)) / (2 * math.pi * sigma**2)
    return image.float().expand(1, 3, -1, -1)


def test_the_eight_orientations_are_the_squares_symmetries() -> None:
    image = torch.arange(9.0).reshape(1, 1, 3, 3).expand(8, 2, 3, 3)
    turned = turn(image, torch.arange(8))
    assert len({tuple(one[0].flatten().tolist()) for one in turned}) == 8
    for one in turned:
        assert one[0, 1, 1] == 4 and sorted(one[0].flatten().tolist()) == list(range(9))
        assert {one[0, 0, 0].item(), one[0, 2, 2].item()} in ({0, 8}, {2, 6})  # opposite corners stay opposite
    assert torch.equal(turned[0], image[0])


def test_all_bands_turn_together_and_the_input_is_left_alone() -> None:
    images = torch.randn(40, 3, 8, 8)
    before = images.clone()
    turned = turn(images, torch.arange(40) % 8)
    assert torch.equal(images, before)
    for n in range(40):
        alone = turn(images[n : n + 1, 1:2], torch.tensor([n % 8]))
        assert torch.equal(turned[n, 1], alone[0, 0])


def test_every_orientation_comes_as_often_and_each_epoch_has_its_own() -> None:
    images = torch.arange(64.0).reshape(1, 1, 8, 8).expand(800, 3, 8, 8)
    settings = AugmentationSettings()
    seen = vary_input(images, settings, chance(800))
    corners = torch.stack([seen[:, 0, 0, 0], seen[:, 0, 0, 1]], dim=1)
    kinds, counts = torch.unique(corners, dim=0, return_counts=True)
    assert len(kinds) == 8 and counts.min() > 60 and counts.max() < 145
    other = vary_input(images, settings, chance(800, epoch=1))
    assert (other != seen).flatten(1).any(1).float().mean() > 0.8
    assert torch.equal(vary_input(images[5:9], settings, KeyedChance(chance(800).keys[5:9])), seen[5:9])
    assert torch.equal(vary_input(images, AugmentationSettings(flips_and_rotations=False), chance(800)), images)


@pytest.mark.parametrize(("dx", "dy"), [(0.5, 0.0), (-0.3, 0.8), (0.0, -1.0)])
def test_a_shift_moves_a_galaxy_by_what_it_says_and_keeps_its_flux(dx: float, dy: float) -> None:
    moved, kept = shifted_and_broadened(blob(31.7, 32.2, 2.0), torch.tensor([[dx, dy]]), torch.zeros(1))
    torch.testing.assert_close(moved, blob(31.7 + dx, 32.2 + dy, 2.0), rtol=0, atol=1e-6)
    assert moved.sum().item() == pytest.approx(3, rel=1e-5) and kept.item() == pytest.approx(1, abs=1e-6)


def test_a_gaussian_adds_to_the_width_in_quadrature_and_keeps_the_flux() -> None:
    broadened, kept = shifted_and_broadened(blob(32, 32, 2.0), torch.zeros(1, 2), torch.tensor([1.5]))
    torch.testing.assert_close(broadened, blob(32, 32, 2.5), rtol=0, atol=1e-6)
    noise = torch.randn(200, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    smooth, kept = shifted_and_broadened(noise, torch.zeros(200, 2), torch.full((200,), 1.5))
    assert smooth[:, :, 8:-8, 8:-8].var().item() == pytest.approx(kept[0].item(), rel=0.02)  # the mirrored edge keeps more
    assert kept[0].item() == pytest.approx(1 / (4 * math.pi * 1.5**2), rel=1e-3)  # the sum of the kernel's squares


def test_the_width_that_the_network_is_told_grows_with_the_psf_and_nothing_else_changes() -> None:
    metadata = torch.tensor([[23.9, 1.2], [24.0, float("nan")]], dtype=torch.float64).repeat(50, 1)
    settings = AugmentationSettings(broadening_arcsec=1.0)
    images = blob(32, 32, 2.0).repeat(100, 1, 1, 1)
    varied, told = vary_stamps(images, metadata, COLUMNS, settings, chance(100))
    assert torch.equal(told[:, 0], metadata[:, 0]) and told[1::2, 1].isnan().all()
    assert (told[::2, 1] >= 1.2).all() and (told[::2, 1] <= math.hypot(1.2, 1.0)).all()
    added = torch.sqrt(told[::2, 1] ** 2 - 1.2**2) / PIXEL_SCALE_ARCSEC / math.sqrt(8 * math.log(2))
    peaks = varied[::2, 1, 32, 32].double()
    torch.testing.assert_close(peaks, 1 / (2 * math.pi * (4 + added**2)), rtol=1e-4, atol=0)


def test_a_broadened_stamp_is_no_smoother_than_its_sky_was() -> None:
    sky = 0.01 * torch.randn(300, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    varied, _ = vary_stamps(sky, torch.zeros(300, 0), (), AugmentationSettings(broadening_arcsec=2.0), chance(300))
    assert varied.std().item() == pytest.approx(0.01, rel=0.03)
    assert sky_noise(varied, 4).mean().item() == pytest.approx(0.01, rel=0.04)


def test_added_noise_is_measured_in_the_stamps_own() -> None:
    sky = torch.randn(400, 3, 32, 32, generator=torch.Generator().manual_seed(3)) * torch.tensor([1.0, 2.0, 5.0])[:, None, None]
    varied, _ = vary_stamps(sky, torch.zeros(400, 0), (), AugmentationSettings(noise_sigma=2.0), chance(400))
    for band, scale in enumerate((1.0, 2.0, 5.0)):
        added = (varied - sky)[:, band].std(dim=(1, 2)) / scale
        assert added.max() < 2.4 and added.min() < 0.15 and added.mean().item() == pytest.approx(1.0, abs=0.1)
    assert abs(torch.corrcoef(torch.stack([(varied - sky)[:, 0].flatten(), (varied - sky)[:, 1].flatten()]))[0, 1]) < 0.01


def test_flux_jitter_is_one_factor_a_band_and_the_background_a_plane() -> None:
    images = blob(32, 32, 3.0).repeat(500, 1, 1, 1)
    varied, _ = vary_stamps(images, torch.zeros(500, 0), (), AugmentationSettings(flux_jitter_mag=0.05), chance(500))
    magnitudes = -2.5 * torch.log10(varied.sum(dim=(2, 3)) / images.sum(dim=(2, 3)))
    assert magnitudes.std(dim=0).tolist() == pytest.approx([0.05] * 3, rel=0.12)
    ratio = varied[0, 0] / images[0, 0]
    assert ratio[images[0, 0] > 1e-9].std() < 1e-5
    sky = torch.randn(500, 3, 64, 64, generator=torch.Generator().manual_seed(4))
    tilted, _ = vary_stamps(sky, torch.zeros(500, 0), (), AugmentationSettings(background_sigma=0.5), chance(500))
    plane = tilted - sky
    assert plane.mean(dim=(2, 3)).std().item() == pytest.approx(0.5, rel=0.1)
    second = plane[:, :, 2:] - 2 * plane[:, :, 1:-1] + plane[:, :, :-2]
    assert second.abs().max() < 1e-5
    assert (plane[:, :, 0, -1] - plane[:, :, 0, 0]).std().item() == pytest.approx(1.0, rel=0.1)


def test_a_share_of_the_cores_is_hidden_and_only_the_core() -> None:
    images = torch.ones(2000, 3, 32, 32)
    settings = AugmentationSettings(core_dropout=0.3, core_radius_pix=4.0, flips_and_rotations=False)
    varied = vary_input(images, settings, chance(2000))
    hidden = (varied == 0).flatten(1).any(1)
    assert hidden.float().mean().item() == pytest.approx(0.3, abs=0.05)
    y, x = torch.nonzero(varied[hidden][0, 0] == 0, as_tuple=True)
    assert torch.hypot(x - 16.0, y - 16.0).max() < 4 and len(x) == 45  # whole pixels with a centre inside the circle
    assert (varied[hidden] == 0).float().mean() == (varied[hidden][0] == 0).float().mean()


def test_without_variations_stamps_are_passed_through_untouched() -> None:
    images, metadata = torch.randn(4, 3, 16, 16), torch.randn(4, 2)
    settings = AugmentationSettings()
    assert not settings.changes_stamps
    varied, told = vary_stamps(images, metadata, COLUMNS, settings, chance(4))
    assert torch.equal(varied, images) and torch.equal(told, metadata)
