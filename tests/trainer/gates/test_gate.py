"""The rule that turns an interval into a verdict."""

from __future__ import annotations

import math

import pytest

from trainer.gates.gate import Behind, Evidence, Limits, Question, Verdict, judged, too_few, verdict_of, worst_of
from trainer.intervals import Interval

AUC = Limits((-math.inf, 0.55), (-math.inf, 0.6), "chance")
RATIO = Limits((0.8, 1.2), (0.7, 1.4), "one")
ASKED = Question("ratio", "Ratio", "Is it one?", "ratio", RATIO)


@pytest.mark.parametrize(
    ("limits", "low", "high", "verdict"),
    [
        (AUC, 0.48, 0.53, Verdict.PASS),
        (AUC, 0.54, 0.599, Verdict.PASS),
        (AUC, 0.50, 0.601, Verdict.NOT_SUPPORTED),
        (AUC, 0.551, 0.59, Verdict.FAIL),
        (AUC, 0.99, 1.0, Verdict.FAIL),
        (RATIO, 0.9, 1.1, Verdict.PASS),
        (RATIO, 0.75, 1.3, Verdict.PASS),
        (RATIO, 0.6, 1.0, Verdict.NOT_SUPPORTED),
        (RATIO, 0.5, 0.79, Verdict.FAIL),
        (RATIO, 1.21, 1.3, Verdict.FAIL),
        (RATIO, 0.1, 9.0, Verdict.NOT_SUPPORTED),
        (RATIO, math.nan, math.nan, Verdict.NOT_SUPPORTED),
    ],
)
def test_a_gate_fails_wholly_off_what_is_harmless_and_passes_wholly_within_what_is_tolerated(
    limits: Limits, low: float, high: float, verdict: Verdict
) -> None:
    assert verdict_of(Interval((low + high) / 2, low, high), limits)[0] is verdict


def test_the_reason_names_both_ends_and_the_limit() -> None:
    assert verdict_of(Interval(0.7, 0.65, 0.75), AUC)[1] == "0.65 to 0.75 lies wholly outside up to 0.55"
    assert verdict_of(Interval(1.0, 0.9, 1.1), RATIO)[1] == "0.9 to 1.1 lies within 0.7 to 1.4"
    assert verdict_of(Interval(1.0, math.nan, math.nan), RATIO)[1] == "no interval: too few cells or hosts to draw from"


def test_of_several_figures_one_that_fails_fails_the_gate_and_the_worst_is_shown() -> None:
    good, wide, bad, worse = Interval(1, 0.9, 1.1), Interval(1, 0.1, 3), Interval(1.5, 1.4, 1.6), Interval(0.2, 0.1, 0.3)
    gate = worst_of(ASKED, {"a": good, "b": wide, "c": bad, "d": worse}, Behind(), Evidence())
    assert (gate.verdict, gate.interval) == (Verdict.FAIL, worse)
    assert gate.why == "d: 0.1 to 0.3 lies wholly outside 0.8 to 1.2"
    assert worst_of(ASKED, {"a": good, "b": wide}, Behind(), Evidence()).verdict is Verdict.NOT_SUPPORTED
    assert worst_of(ASKED, {"a": good}, Behind(), Evidence()).verdict is Verdict.PASS


def test_a_value_that_is_nan_is_no_figure() -> None:
    nan = Interval(math.nan, math.nan, math.nan)
    assert judged(ASKED, nan, Behind(), Evidence()).interval is None
    assert worst_of(ASKED, {"a": nan}, Behind(), Evidence()).interval is None


def test_one_class_few_objects_and_few_units_are_three_reasons() -> None:
    assert too_few(0, 500, 50) == "one class only: 0 lenses, 500 others"
    assert too_few(99, 500, 50) == "too few objects: 99 lenses, 500 others; wanted 100 of each"
    assert too_few(500, 500, 9) == "too few cells or hosts: 9; wanted 10"
    assert too_few(100, 100, 10) is None


def test_limits_that_do_not_nest_are_refused() -> None:
    with pytest.raises(ValueError, match=r"harmless \(0.5, 1.2\) does not lie within tolerated \(0.7, 1.4\)"):
        Limits((0.5, 1.2), (0.7, 1.4), "no")
