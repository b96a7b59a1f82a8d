"""Numbers that hang on who a stamp is: the same in any company, and as random as they should be."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from trainer import keyed_chance
from trainer.keyed_chance import KeyedChance, stamp_keys

NAMES = [f"{n:032x}" for n in range(4000)]


def chance(names: list[str] = NAMES, seed: int = 1, epoch: int = 0) -> KeyedChance:
    return KeyedChance(stamp_keys(names, seed, epoch))


def test_a_draw_is_a_function_of_seed_epoch_task_and_purpose_in_any_batch() -> None:
    first = chance().uniform("shift", 2)
    torch.testing.assert_close(chance(NAMES[100:107]).uniform("shift", 2), first[100:107], rtol=0, atol=0)
    for other in (chance(seed=2), chance(epoch=1)):
        assert (other.uniform("shift", 2) == first).float().mean() < 0.001
    assert (chance().uniform("core", 2) == first).float().mean() < 0.001


def unmixed(value: int) -> int:
    """The key whose mix is ``value``: the mix of SplitMix64 undone."""

    def unshifted(mixed: int, shift: int) -> int:
        found = mixed
        for _ in range(64 // shift + 1):
            found = mixed ^ (found >> shift)
        return found

    value = unshifted(value, 31) * pow(0x94D049BB133111EB, -1, 2**64) % 2**64
    value = unshifted(value, 27) * pow(0xBF58476D1CE4E5B9, -1, 2**64) % 2**64
    found = unshifted(value, 30)
    return found - 2**64 if found >= 2**63 else found


def test_the_generator_is_splitmix64(monkeypatch: pytest.MonkeyPatch) -> None:
    # The reference outputs of java.util.SplittableRandom's mix for seed 1234567 (Vigna's splitmix64.c).
    wanted = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    monkeypatch.setattr(keyed_chance, "_stream", lambda purpose: 0)
    drawn = KeyedChance(torch.tensor([unmixed(1234567)]))._bits("any", 5)
    assert [value % 2**64 for value in drawn[0].tolist()] == wanted


def test_uniform_numbers_fill_their_range_and_know_nothing_of_each_other() -> None:
    drawn = chance().uniform("u", 50).double().numpy()
    assert drawn.min() > 0 and drawn.max() < 1
    counts = np.histogram(drawn, 20, (0, 1))[0]
    expected = drawn.size / 20
    assert np.abs(counts - expected).max() < 5 * math.sqrt(expected)
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.08
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 0.08


@pytest.mark.parametrize("count", [1, 7, 100])
def test_normal_numbers_have_the_moments_and_tails_of_a_gaussian(count: int) -> None:
    drawn = chance().normal("n", count).double().numpy()
    assert drawn.shape == (4000, count) and np.isfinite(drawn).all()
    error = 1 / math.sqrt(drawn.size)
    assert abs(drawn.mean()) < 5 * error and abs(drawn.var() - 1) < 5 * math.sqrt(2) * error
    assert abs((np.abs(drawn) > 2).mean() - 0.0455) < 5 * math.sqrt(0.0455) * error
    if count > 1:
        assert abs(np.corrcoef(drawn[:, 0], drawn[:, -1])[0, 1]) < 0.08


def test_draws_have_the_shape_that_is_asked_for() -> None:
    three = chance(NAMES[:3])
    assert three.uniform("a").shape == (3,) and three.normal("a", 2, 5).shape == (3, 2, 5)
