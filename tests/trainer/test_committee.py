"""Several networks' scores as one: each rule is what it says, and a committee knows who is in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.committee import RULES, combined_logits, committee_hash

LOGITS = np.array([[2.0, -1.0, 0.0, 30.0], [0.0, -3.0, 5.0, 40.0], [1.0, 4.0, -5.0, -20.0]])


def test_each_rule_is_what_it_says() -> None:
    p = 1 / (1 + np.exp(-LOGITS))
    mean = p.mean(axis=0)
    np.testing.assert_allclose(combined_logits(LOGITS, "median-logit"), [1.0, -1.0, 0.0, 30.0])
    np.testing.assert_allclose(combined_logits(LOGITS, "mean-logit"), LOGITS.mean(axis=0))
    np.testing.assert_allclose(combined_logits(LOGITS, "lowest"), [0.0, -3.0, -5.0, -20.0])
    np.testing.assert_allclose(combined_logits(LOGITS, "mean-probability"), np.log(mean / (1 - mean)), rtol=1e-9, atol=1e-12)


def test_probabilities_that_are_almost_one_keep_their_order() -> None:
    high = np.array([[60.0, 61.0], [60.0, 61.0]])
    np.testing.assert_allclose(combined_logits(high, "mean-probability"), [60.0, 61.0], rtol=1e-12)
    np.testing.assert_allclose(combined_logits(-high, "mean-probability"), [-60.0, -61.0], rtol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=5), st.sampled_from(sorted(RULES)))
def test_a_committee_lies_between_its_members_whatever_their_order(values: list[float], rule: str) -> None:
    column = np.array(values)[:, None]
    together = combined_logits(column, rule)[0]
    assert min(values) - 1e-9 <= together <= max(values) + 1e-9
    assert together == pytest.approx(combined_logits(column[::-1], rule)[0], abs=1e-9)


def test_a_stamp_that_one_member_could_not_score_has_no_score() -> None:
    some = np.array([[1.0, np.nan], [2.0, 3.0]])
    for rule in RULES:
        assert np.isnan(combined_logits(some, rule)).tolist() == [False, True], rule


def test_a_committee_is_named_by_its_members_and_its_rule_and_one_alone_by_itself() -> None:
    assert committee_hash(["abc"], "lowest") == "abc"
    two = committee_hash(["abc", "def"], "lowest")
    assert two == committee_hash(["def", "abc"], "lowest") and len(two) == 16
    assert len({two, committee_hash(["abc", "def"], "mean-logit"), committee_hash(["abc", "xyz"], "lowest")}) == 3
