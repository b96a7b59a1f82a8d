"""A curve of answers is a picture with its figures in words."""

from __future__ import annotations

import base64

from trainer.intervals import Interval
from trainer.model_gates.curves import Axis, curve_drawing

KEPT = [Interval(0.1, 0.05, 0.15), Interval(0.9, 0.8, 0.95)]


def test_the_words_hold_every_value_of_every_curve() -> None:
    drawing = curve_drawing((1.5, 25.0), {"kept": KEPT, "called": KEPT[::-1]}, Axis("signal", "share", log=True), "A sweep.")
    assert drawing.alt == "share over signal: kept 0.10 at 1.5, 0.90 at 25; called 0.90 at 1.5, 0.10 at 25."
    assert drawing.caption == "A sweep."
    assert b"<svg" in base64.b64decode(drawing.uri.partition("base64,")[2])


def test_the_same_figures_give_the_same_bytes() -> None:
    first, second = (curve_drawing((0, 1), {"kept": KEPT}, Axis("shift", "share"), "") for _ in range(2))
    assert first == second
