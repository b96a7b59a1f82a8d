"""Every gate on a network passes one that reads arcs, fails the cheater that it looks for, and says nothing of noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.synthetic_stamps import SIGMA
from tests.trainer import drawn_judges as judges
from tests.trainer.drawn_judges import TOLD, DrawnJudge, told_by, with_a_spark, with_measured_snr
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Gate, Verdict
from trainer.model_gates.arc_sweeps import colour_gate, fading_gate, faint_gate
from trainer.model_gates.failed_tests import core_masked, failed_tests
from trainer.model_gates.judged_stamps import JudgedStamps, Pairs, Threshold, calling_threshold, pairs_of
from trainer.model_gates.pair_gates import pair_gates
from trainer.model_gates.stability_gates import metadata_gate, orientation_gate, seeing_gate, sub_pixel_gate

HOW = Chance(draws=60, seed=1)
VERDICTS = {"arc_suppressed", "pair_swap", "core_hidden", "core_alone", "arc_snr_curve", "arc_brightness"}
VERDICTS |= {"orientation", "sub_pixel_shift", "psf_mismatch", "metadata_permuted"}
SHOWN = {"arc_colour", "failed_core_masked", "failed_arc_suppressed"}
ORACLE = DrawnJudge(judges.arc_weighed_by_seeing, TOLD)

Room = Callable[[DrawnJudge, Pairs, Threshold], Sequence[Gate]]


def one(gate: Callable[[DrawnJudge, Pairs, Chance], Gate]) -> Room:
    return lambda judge, pairs, threshold: [gate(judge, pairs, HOW)]


def of_pairs(judge: DrawnJudge, pairs: Pairs, threshold: Threshold) -> Sequence[Gate]:
    return pair_gates(judge, pairs, HOW)


def faint(judge: DrawnJudge, pairs: Pairs, threshold: Threshold) -> Sequence[Gate]:
    return [faint_gate(judge, pairs, threshold, HOW), fading_gate(judge, pairs, threshold, HOW)]


def colour(judge: DrawnJudge, pairs: Pairs, threshold: Threshold) -> Sequence[Gate]:
    return [colour_gate(judge, pairs, HOW)]


ROOMS: tuple[Room, ...] = (
    of_pairs,
    faint,
    colour,
    one(orientation_gate),
    one(sub_pixel_gate),
    one(seeing_gate),
    one(metadata_gate),
    lambda judge, pairs, threshold: failed_tests(judge, pairs, HOW),
)


def answers(judge: DrawnJudge, stamps: JudgedStamps, rooms: Sequence[Room] = ROOMS, snr: object = None) -> dict[str, Gate]:
    """Each gate's answer by name; arcs have the signal to noise of their pixels, or ``snr``."""
    told = told_by(judge, stamps)
    pairs = with_measured_snr(pairs_of(told)) if snr is None else replace(pairs_of(told), arc_snr=snr)
    threshold = calling_threshold(told, 0.05)
    return {gate.asked.name: gate for room in rooms for gate in room(judge, pairs, threshold)}


def verdicts(gates: dict[str, Gate]) -> dict[str, Verdict]:
    return {name: gate.verdict for name, gate in gates.items()}


def lenses_changed(stamps: JudgedStamps, change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> JudgedStamps:
    """With ``change`` of lenses and their controls in place of the lenses' pixels."""
    lenses, controls = stamps.stamps.pairs
    images = stamps.images.copy()
    images[lenses] = change(images[lenses], images[controls])
    return replace(stamps, images=images)


def brighter_sky(stamps: JudgedStamps) -> JudgedStamps:
    level = 0.1 * np.array(list(SIGMA.values()), np.float32)
    return lenses_changed(stamps, lambda lens, _: lens + level[:, None, None])


def brighter_host(stamps: JudgedStamps) -> JudgedStamps:
    return lenses_changed(stamps, lambda lens, control: lens + np.float32(0.2) * control)


def rougher(stamps: JudgedStamps) -> JudgedStamps:
    rng = np.random.default_rng(6)
    level = 0.3 * np.array(list(SIGMA.values()), np.float32)[:, None, None]
    return lenses_changed(stamps, lambda lens, _: lens + level * rng.standard_normal(lens.shape, np.float32))


def leaking_depth(stamps: JudgedStamps) -> JudgedStamps:
    name = "psf_depth_r_mag"
    depth = stamps.stamps.columns[name] + np.where(stamps.stamps.lens, 0.2, 0.0)
    return replace(stamps, stamps=replace(stamps.stamps, columns={**stamps.stamps.columns, name: depth}))


@pytest.fixture(scope="module")
def honest(clean: JudgedStamps) -> dict[str, Gate]:
    return answers(ORACLE, clean)


def test_a_judge_of_arcs_passes_every_gate_and_the_failed_experiments_own_tests_give_no_verdict(
    honest: dict[str, Gate],
) -> None:
    wanted = {**dict.fromkeys(VERDICTS, Verdict.PASS), **dict.fromkeys(SHOWN, Verdict.CONFOUNDED)}
    assert verdicts(honest) == wanted
    assert all(gate.interval is not None and gate.interval.low <= gate.interval.value <= gate.interval.high
               for gate in honest.values())  # fmt: skip
    with_core = {name for name, gate in honest.items() if gate.behind.n_positive < 250}
    assert with_core == {"core_hidden", "core_alone"}  # where the Einstein radius is large enough for one


CHEATERS: dict[str, tuple[DrawnJudge, Callable[[JudgedStamps], JudgedStamps] | None, Room, set[str]]] = {
    "middle": (DrawnJudge(judges.central_brightness), brighter_host, of_pairs, {"core_hidden", "core_alone"}),
    "arc's wings": (DrawnJudge(judges.central_brightness), None, of_pairs, {"core_hidden", "core_alone"}),
    "sky": (DrawnJudge(judges.sky_level), brighter_sky, of_pairs, {"arc_suppressed", "pair_swap"}),
    "told": (DrawnJudge(judges.metadata_alone, TOLD), leaking_depth, of_pairs, {"arc_suppressed", "core_alone"}),
    "depth": (DrawnJudge(judges.arc_and_metadata, TOLD), None, one(metadata_gate), {"metadata_permuted"}),
    "up": (DrawnJudge(judges.arc_and_up), None, one(orientation_gate), {"orientation"}),
    "grid": (DrawnJudge(judges.arc_and_pixel_phase), None, one(sub_pixel_gate), {"sub_pixel_shift"}),
    "texture": (DrawnJudge(judges.texture), rougher, one(seeing_gate), {"psf_mismatch"}),
}


@pytest.mark.parametrize("name", CHEATERS)
def test_a_cheater_fails_the_gates_that_look_for_it_and_no_other_of_their_room(clean: JudgedStamps, name: str) -> None:
    judge, plant, room, failing = CHEATERS[name]
    found = verdicts(answers(judge, plant(clean) if plant else clean, [room]))
    assert {gate for gate, verdict in found.items() if verdict is Verdict.FAIL} == failing
    assert set(found.values()) <= {Verdict.FAIL, Verdict.PASS}


@pytest.mark.parametrize(
    ("judge", "plant"),
    [
        (DrawnJudge(judges.sky_level), brighter_sky),
        (DrawnJudge(judges.metadata_alone, TOLD), leaking_depth),
        (DrawnJudge(judges.trace), with_a_spark),
    ],
    ids=["sky", "told", "trace"],
)
def test_a_cheater_sees_nothing_where_nothing_is_planted_and_a_judge_of_arcs_passes_where_it_is(
    clean: JudgedStamps, judge: DrawnJudge, plant: Callable[[JudgedStamps], JudgedStamps]
) -> None:
    without = answers(judge, clean, [of_pairs])
    assert set(verdicts(without).values()) == {Verdict.NOT_SUPPORTED}
    assert "does not tell lenses from their controls: the mean step is " in without["arc_suppressed"].why
    assert set(verdicts(answers(ORACLE, plant(clean), [of_pairs])).values()) == {Verdict.PASS}


def test_one_that_has_enough_with_a_trace_fails_the_gates_on_faint_arcs(clean: JudgedStamps) -> None:
    snr = with_measured_snr(pairs_of(clean)).arc_snr  # of the arc, without the spark that gives it away
    gates = answers(DrawnJudge(judges.trace), with_a_spark(clean), [faint], snr)
    assert verdicts(gates) == {"arc_snr_curve": Verdict.FAIL, "arc_brightness": Verdict.FAIL}
    figure = gates["arc_snr_curve"].interval
    assert figure is not None and figure.value == pytest.approx(1.0)
    table = gates["arc_brightness"].evidence.table
    assert table is not None and [row[0] for row in table.rows] == ["0.1", "0.25", "0.5", "1", "2", "4"]


def test_one_that_needs_a_bright_middle_passes_where_the_control_has_it_and_sees_nothing_through_a_hole(
    clean: JudgedStamps, honest: dict[str, Gate]
) -> None:
    judge = DrawnJudge(judges.core_times_arc)
    gates = answers(judge, clean, [of_pairs, one(core_masked)])
    assert gates["core_hidden"].verdict is Verdict.PASS  # a host in the middle is no cheat
    holed, with_ring = gates["failed_core_masked"].interval, honest["failed_core_masked"].interval
    assert holed is not None and with_ring is not None
    assert abs(holed.value) < 0.01 < with_ring.value


def test_of_a_judge_that_says_noise_no_gate_gives_a_number(clean: JudgedStamps) -> None:
    gates = answers(DrawnJudge(judges.noise), clean)
    assert set(verdicts(gates).values()) == {Verdict.NOT_SUPPORTED}
    assert {gate.interval for gate in gates.values()} == {None}
    assert gates["orientation"].why.startswith("the network does not tell lenses from their controls: the mean step is ")
    assert gates["metadata_permuted"].why == "the network was told no conditions"


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        (slice(0, 0), "no pairs: no lens of this split has its own control in it"),
        (slice(0, 60), "too few pairs: "),
    ],
)
def test_of_no_pairs_or_few_no_gate_gives_a_number(clean: JudgedStamps, keep: slice, why: str) -> None:
    told = told_by(ORACLE, clean)
    pairs = pairs_of(told).of(np.arange(250)[keep])
    threshold = calling_threshold(told, 0.05)
    gates = [gate for room in ROOMS for gate in room(ORACLE, pairs, threshold)]
    assert {gate.verdict for gate in gates} == {Verdict.NOT_SUPPORTED}
    assert {gate.interval for gate in gates} == {None}
    assert all(gate.why.startswith(why) for gate in gates)


def test_many_pairs_of_few_cells_are_too_few(clean: JudgedStamps) -> None:
    pairs = pairs_of(clean)
    few = replace(pairs, units=np.arange(len(pairs.rows)) % 9)
    (gate,) = one(orientation_gate)(DrawnJudge(judges.arc), few, calling_threshold(clean, 0.05))
    assert (gate.verdict, gate.interval, gate.why) == (Verdict.NOT_SUPPORTED, None, "too few cells or hosts: 9; wanted 10")


def test_the_same_seed_gives_the_same_figures_and_another_only_other_intervals(clean: JudgedStamps) -> None:
    told = told_by(ORACLE, clean)
    pairs = pairs_of(told)
    first, again, other = (seeing_gate(ORACLE, pairs, Chance(60, seed)).interval for seed in (1, 1, 2))
    assert first == again != other
    assert first is not None and other is not None and first.value == pytest.approx(other.value, abs=0.01)
