"""Chance as a function of identity."""

from __future__ import annotations

from spark_jobs.transforms.keyed_chance import generator


def test_the_same_identity_draws_the_same_numbers_for_ever() -> None:
    assert generator(1, "1500p020", "stars").integers(0, 2**32, 3).tolist() == [3886504077, 215102642, 241417379]


def test_identities_that_concatenate_alike_draw_different_numbers() -> None:
    assert generator("ab", "c").random() != generator("a", "bc").random()
    assert generator(1, "x").random() != generator(2, "x").random()
