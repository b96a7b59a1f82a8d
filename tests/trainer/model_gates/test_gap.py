"""The share of a step that is kept: its identities, its interval, and when none can be given."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from trainer.gates.class_scores import Chance
from trainer.model_gates.gap import asked, ratio_of_sums, share_kept, too_few_pairs
from trainer.model_gates.judged_stamps import Pairs

HOW = Chance(draws=200, seed=3)


def many(pairs: Pairs, count: int, units: int, gap: float = 2.0) -> Pairs:
    """So many pairs of a few cells whose step scatters about ``gap``."""
    rng = np.random.default_rng(0)
    some = pairs.of(np.arange(count) % 4)
    controls = rng.normal(0, 1, count)
    lenses = controls + rng.normal(gap, 0.5, count)
    return replace(some, units=np.arange(count) % units, control_logits=controls, lens_logits=lenses)


@pytest.mark.parametrize("share", [1.0, 0.0, 0.5, -0.25])
def test_unchanged_lenses_keep_one_controls_nothing_and_halfway_a_half_without_any_scatter(
    by_hand: Pairs, share: float
) -> None:
    changed = by_hand.control_logits + share * by_hand.gap
    kept = share_kept(changed, by_hand, HOW)
    assert (kept.value, kept.low, kept.high) == pytest.approx((share,) * 3)


def test_large_steps_weigh_more_since_it_is_a_ratio_of_sums(by_hand: Pairs) -> None:
    changed = np.where(np.arange(4) == 3, by_hand.lens_logits, by_hand.control_logits)
    assert share_kept(changed, by_hand, HOW).value == pytest.approx(4 / (1 + 2 + 3 + 4))


def test_the_level_of_the_logits_means_nothing(by_hand: Pairs) -> None:
    changed = np.array([0.5, 0.1, 2.0, 1.7])
    higher = replace(by_hand, lens_logits=by_hand.lens_logits + 7, control_logits=by_hand.control_logits + 7)
    first, second = share_kept(changed, by_hand, HOW), share_kept(changed + 7, higher, HOW)
    assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high))


def test_the_interval_is_drawn_over_units_so_that_a_hundred_copies_of_a_pair_are_one_pair(by_hand: Pairs) -> None:
    one = many(by_hand, 20, 20)
    copies = one.of(np.repeat(np.arange(20), 100))
    changed = one.control_logits + np.random.default_rng(1).uniform(0, 1, 20) * one.gap
    alone, copied = share_kept(changed, one, HOW), share_kept(np.repeat(changed, 100), copies, HOW)
    assert (alone.value, alone.low, alone.high) == pytest.approx((copied.value, copied.low, copied.high))
    apart = share_kept(np.repeat(changed, 100), replace(copies, units=np.arange(2000)), HOW)
    assert apart.high - apart.low < 0.2 * (alone.high - alone.low)


def test_where_there_is_no_step_there_is_no_share_of_it(by_hand: Pairs) -> None:
    kept = ratio_of_sums(np.ones(4), np.zeros(4), by_hand, HOW)
    assert math.isnan(kept.value) and math.isnan(kept.low) and math.isnan(kept.high)
    assert math.isnan(ratio_of_sums(np.ones(4), np.array([1.0, -3.0, 0.5, 0.5]), by_hand, HOW).value)


def test_a_step_is_asked_of_enough_pairs_of_enough_cells_that_the_network_tells_apart(by_hand: Pairs) -> None:
    assert too_few_pairs(many(by_hand, 100, 10), HOW) is None
    assert too_few_pairs(by_hand.of(np.zeros(4, bool)), HOW) == "no pairs: no lens of this split has its own control in it"
    assert too_few_pairs(many(by_hand, 99, 10), HOW) == "too few pairs: 99; wanted 100"
    assert too_few_pairs(many(by_hand, 100, 9), HOW) == "too few cells or hosts: 9; wanted 10"
    backwards = too_few_pairs(many(by_hand, 100, 10, gap=-2.0), HOW)
    assert backwards is not None
    assert backwards.startswith("the network does not tell lenses from their controls: the mean step is -")
    assert too_few_pairs(many(by_hand, 100, 10, gap=0.0), HOW) is not None


def test_a_changed_image_is_asked_about_under_the_conditions_of_its_pair(by_hand: Pairs) -> None:
    class OfConditions:
        columns = ("a", "b")

        def logits(self, images: np.ndarray, metadata: np.ndarray) -> np.ndarray:
            return np.asarray(metadata[:, 0] + images.sum((1, 2, 3)))

        def features(self, images: np.ndarray, metadata: np.ndarray) -> np.ndarray:
            return metadata

    np.testing.assert_array_equal(asked(OfConditions(), np.zeros_like(by_hand.lens), by_hand), by_hand.metadata[:, 0])
