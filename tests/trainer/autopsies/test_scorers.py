"""The highest and lowest of each set are shown, each object once, with what is known of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.autopsies.drawn_sets import drawn_set
from tests.trainer.autopsies.planted_anchors import Cause
from trainer.autopsies.image_sets import ImageSet
from trainer.autopsies.scorers import SHOWN, scorers_part


@pytest.fixture(scope="module")
def lenses() -> ImageSet:
    count = 40
    of = drawn_set("lenses", Cause(), count, {"theta_e_arcsec": np.linspace(0.5, 2, count), "arc_snr": np.full(count, np.nan)})
    return replace(of, logits=np.random.default_rng(1).permutation(np.linspace(-9, 9, count)))


def test_highest_come_first_and_lowest_come_lowest_first(lenses: ImageSet) -> None:
    highest, lowest = scorers_part([lenses]).galleries
    ranked = [str(lenses.names[row]) for row in np.argsort(lenses.logits)]
    assert [one.task_id for one in highest.examples] == ranked[::-1][:SHOWN]
    assert [one.task_id for one in lowest.examples] == ranked[:SHOWN]
    assert (highest.title, lowest.title) == ("Lenses that score highest", "Lenses that score lowest")


def test_an_object_with_several_stamps_stands_once_with_its_most_extreme(lenses: ImageSet) -> None:
    names = lenses.names.copy()
    order = np.argsort(lenses.logits)
    names[order[-2]] = names[order[-1]]
    highest = scorers_part([replace(lenses, names=names)]).galleries[0]
    shown = [one.task_id for one in highest.examples]
    assert len(set(shown)) == SHOWN and dict(highest.examples[0].facts)["logit"] == "9.00"
    assert dict(highest.examples[1].facts)["logit"] != f"{lenses.logits[order[-2]]:.2f}"


def test_a_small_set_is_shown_whole_and_once(lenses: ImageSet) -> None:
    (gallery,) = scorers_part([lenses.of(np.arange(5))]).galleries
    assert len(gallery.examples) == 5 and gallery.title == "Lenses, all 5"


def test_facts_are_those_that_are_known_and_pictures_have_words(lenses: ImageSet) -> None:
    one = scorers_part([lenses]).galleries[1].examples[0]
    facts = dict(one.facts)
    assert facts["p"] == "1.2e-04" and "θE" in facts and "arc S/N" not in facts
    assert one.pictures[0].uri.startswith("data:image/png") and f"p {facts['p']}" in one.pictures[0].alt
    negative = scorers_part([replace(lenses, name="negatives")]).galleries[1].examples[0]
    assert "θE" not in dict(negative.facts)
