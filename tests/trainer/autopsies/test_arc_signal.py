"""The score by the arc's signal to noise: steps hold their lenses, and the failed figure stands where it was measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.autopsies.drawn_sets import drawn_set
from tests.trainer.autopsies.planted_anchors import Cause
from trainer.autopsies.arc_signal import arc_signal_part
from trainer.autopsies.findings import Part
from trainer.autopsies.image_sets import ImageSet
from trainer.gates.class_scores import Chance

HOW = Chance(draws=40, seed=1)
SNR = np.array([0.5, 1.0, 1.9, 2.0, 3.0, 4.9, 12.0, 60.0, 80.0, np.nan])
LOGITS = np.array([-3.0, -3.0, -3.0, 0.0, 0.0, 0.0, 2.0, 4.0, 6.0, 9.0])


@pytest.fixture(scope="module")
def bare() -> ImageSet:
    return drawn_set("lenses", Cause(), 10)


@pytest.fixture(scope="module")
def negatives() -> ImageSet:
    return drawn_set("negatives", Cause(), 6, logits=np.linspace(-6, -4, 6))


def part_of(bare: ImageSet, negatives: ImageSet, **columns: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Part:
    return arc_signal_part(replace(bare, logits=LOGITS, columns=columns), negatives, HOW)


def test_each_step_has_its_lenses_and_edges_belong_to_the_upper_one(bare: ImageSet, negatives: ImageSet) -> None:
    found = {one.name: one for one in part_of(bare, negatives, arc_snr=SNR).findings}
    assert {name: one.n for name, one in found.items() if name.endswith("logit")} == {
        "arc_snr.0.logit": 3,
        "arc_snr.2.logit": 3,
        "arc_snr.10.logit": 1,
        "arc_snr.50.logit": 2,
    }
    assert found["arc_snr.0.mean"].interval.value == pytest.approx(1 / (1 + np.exp(3)))
    assert found["arc_snr.50.logit"].interval.value == 5 and found["arc_snr.50.logit"].label.startswith(
        "matched filter 50 and more"
    )
    assert found["negatives.mean"].interval.value == pytest.approx(negatives.probability.mean())
    assert not [one.failed for one in found.values() if one.failed]


def test_the_failed_figure_stands_at_the_faint_end_of_the_peak_pixels(bare: ImageSet, negatives: ImageSet) -> None:
    part = part_of(bare, negatives, arc_peak_snr=SNR)
    assert [one.name for one in part.findings if one.failed] == ["arc_peak_snr.0.mean"]
    assert "even at a peak of 1.3" in part.findings[0].failed
    assert part.absent == ["matched filter: the index states it for fewer than 5 lenses."]


def test_the_drawing_says_in_words_what_it_shows(bare: ImageSet, negatives: ImageSet) -> None:
    (drawing,) = part_of(bare, negatives, arc_snr=SNR).drawings
    assert "Logit of 9 lenses against arc signal to noise from 0.5 to 80" in drawing.alt
    assert "their median at -5.00" in drawing.alt
