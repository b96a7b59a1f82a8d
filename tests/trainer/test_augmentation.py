"""Orientations: all eight, by identity, and nothing but a rearrangement of pixels."""

from __future__ import annotations

import numpy as np
import torch

from trainer.augmentation import orientations, turn


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


def test_an_orientation_is_a_function_of_seed_epoch_and_task_in_any_batch() -> None:
    names = [f"{n:032x}" for n in range(400)]
    first = orientations(names, 1, 0)
    assert torch.equal(first[100:200], orientations(names[100:200], 1, 0))
    assert (first != orientations(names, 1, 1)).float().mean() > 0.8
    assert (first != orientations(names, 2, 0)).float().mean() > 0.8
    counts = np.bincount(first.numpy(), minlength=8)
    assert counts.min() > 25 and counts.max() < 80
