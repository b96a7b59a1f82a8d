"""Gates on lenses rendered again: a judge of arcs passes, a judge of blue light fails, and without stimuli nothing is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.array_codec import encode_stamp
from schemas.contract_files import Provenance, TableWriter
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.run_record import RunIdentity, begin_run, finish_run
from schemas.stimuli import AS_BRIGHT, EINSTEIN_RADIUS, HOST, SOURCE_SIZE, STIMULI
from schemas.survey import BANDS
from tests.trainer.drawn_judges import DrawnJudge
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Gate, Verdict
from trainer.judge import Images, Numbers
from trainer.model_gates.judged_stamps import Threshold
from trainer.model_gates.stimuli import Stimuli, read_stimuli
from trainer.model_gates.stimulus_gates import ABSENT, stimulus_gates

HOW, THRESHOLD = Chance(draws=40, seed=1), Threshold(1.0, 0.1, 200)
SIZE, COUNT = 16, 110
KEYS = [(HOST, 0.0), *((EINSTEIN_RADIUS, step) for step in (1.0, 0.5, 0.0)), (AS_BRIGHT, 1.0)]
KEYS += [(SOURCE_SIZE, step) for step in (0.5, 2.0)]
RING, BLOB = (slice(2, 3), slice(4, 12)), (slice(7, 9), slice(7, 9))


def image(sweep: str, step: float) -> dict[str, np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
    """A host; an arc of 8 nMgy, weaker for half the radius; 2 nMgy of blob without a lens, 8 where it is made as bright."""
    plane = np.zeros((SIZE, SIZE), np.float32)
    light = {HOST: (0, 0), AS_BRIGHT: (0, 8), SOURCE_SIZE: (8 / (step or 1), 0)}.get(sweep, (8 * step, 2 if step == 0 else 0))
    plane[RING] += light[0] / 8
    plane[BLOB] += light[1] / 4
    return dict.fromkeys(BANDS, plane)


def row_of(number: int, sweep: str, step: float, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(STIMULI.names) | {"sweep": sweep, "step": step, "task_id": f"{number:032x}"}
    row |= {"host_id": f"host {number}", "cell": number % 12, "shard": 0, "split": "test", "kind": "lens", "label": 1}
    row |= {"configuration": 0, "replicate": 0, "recipe_hash": "0" * 16, "run_seed": 1, "ra_deg": 1.0, "dec_deg": 1.0}
    row |= {"brickname": "b", "size_pix": SIZE, "reasons": 0, "theta_e_arcsec": 1.2, "arc_snr": 30.0}
    row |= {f"psf_fwhm_{band}_arcsec": 1.0 + number for band in BANDS} | {f"sky_sigma_{band}_nmgy": 0.01 for band in BANDS}
    return row | {"x_centre_pix": 8.0, "y_centre_pix": 7.0, "stamp_npz": encode_stamp(image(sweep, step))} | changes


def write(out: Path, rows: list[dict[str, Any]]) -> Path:
    identity = RunIdentity("stimuli", "x", settings={"rows": len(rows)})
    begin_run(out, identity)
    with TableWriter(out / "stimuli.parquet", STIMULI, Provenance("x")) as writer:
        writer.add_rows(rows)
    finish_run(out, identity, [out / "stimuli.parquet"], {}, {})
    return out


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("stimuli"), [row_of(n, *key) for n in range(COUNT) for key in KEYS])


def sums(place: tuple[slice, slice]) -> Callable[[Images, Numbers], Numbers]:
    return lambda images, metadata: images[:, 1, *place].sum((1, 2), dtype=np.float64)


ARCS, LIGHT = DrawnJudge(sums(RING)), DrawnJudge(lambda images, metadata: images[:, 1].sum((1, 2), dtype=np.float64))


def gates(directory: Path, judge: DrawnJudge) -> dict[str, Gate]:
    return {gate.asked.name: gate for gate in stimulus_gates(read_stimuli(directory, judge, SIZE), THRESHOLD, HOW)}


def value(gate: Gate) -> float:
    assert gate.interval is not None
    return gate.interval.value


def test_a_judge_of_arcs_keeps_nothing_without_a_lens(directory: Path) -> None:
    found = gates(directory, ARCS)
    assert value(found["einstein_radius_to_zero"]) == value(found["unlensed_as_bright"]) == pytest.approx(0, abs=1e-6)
    assert found["einstein_radius_to_zero"].verdict is found["unlensed_as_bright"].verdict is Verdict.PASS
    table = found["einstein_radius_to_zero"].evidence.table
    assert table is not None and [row[0] for row in table.rows] == ["0", "0.5", "1"]
    assert [float(row[1].split()[0]) for row in table.rows] == pytest.approx([0, 0.5, 1])
    assert [float(row[2].split()[0]) for row in table.rows] == [0, 1, 1]


def test_a_judge_of_light_fails_where_the_light_is_the_arcs_and_keeps_what_is_left_of_it_without_a_lens(
    directory: Path,
) -> None:
    found = gates(directory, LIGHT)
    assert value(found["unlensed_as_bright"]) == pytest.approx(1) and found["unlensed_as_bright"].verdict is Verdict.FAIL
    assert value(found["einstein_radius_to_zero"]) == pytest.approx(0.25)


def test_the_size_of_the_source_is_shown_with_the_lens_in_its_middle_and_never_judged(directory: Path) -> None:
    gate = gates(directory, ARCS)["source_size"]
    assert gate.verdict is Verdict.CONFOUNDED and value(gate) == pytest.approx(0.5)
    assert gate.evidence.table is not None and [row[0] for row in gate.evidence.table.rows] == ["0.5", "1", "2"]
    assert "step kept 2.00 at 0.5, 1.00 at 1, 0.50 at 2" in gate.evidence.drawings[0].alt


def test_without_stimuli_every_gate_says_what_to_give() -> None:
    found = stimulus_gates(None, THRESHOLD, HOW)
    assert [(gate.verdict, gate.why, gate.interval) for gate in found] == [(Verdict.NOT_SUPPORTED, ABSENT, None)] * 3


def test_a_lens_that_lacks_a_step_is_left_out_of_that_sweep_alone(tmp_path: Path) -> None:
    refused = {"stamp_npz": None, "reasons": Reason.SOURCE_OFF_STAMP.value}
    rows = [row_of(n, *key, **(refused if n < 5 and key == (AS_BRIGHT, 1.0) else {})) for n in range(COUNT) for key in KEYS]
    found = gates(write(tmp_path / "some", rows), ARCS)
    assert found["unlensed_as_bright"].behind.n_positive == COUNT - 5
    assert found["einstein_radius_to_zero"].behind.n_positive == COUNT


def test_pairs_are_a_lens_and_its_host_with_what_the_network_is_told(directory: Path) -> None:
    told = DrawnJudge(lambda images, metadata: metadata[:, 0], ("psf_fwhm_r_arcsec",))
    of = read_stimuli(directory, told, SIZE)
    np.testing.assert_array_equal(of.pairs.metadata[:, 0], 1.0 + np.arange(COUNT))
    np.testing.assert_array_equal(of.logits[AS_BRIGHT, 1.0], 1.0 + np.arange(COUNT))
    np.testing.assert_allclose(of.pairs.arc[:, 1].sum((1, 2)), 8)
    assert of.pairs.unit == "cell" and len(np.unique(of.pairs.units)) == 12
    assert (of.pairs.x_pix[0], of.pairs.y_pix[0]) == (8, 7)


def test_few_lenses_give_no_figure(directory: Path) -> None:
    of = read_stimuli(directory, ARCS, SIZE)
    few = Stimuli(of.pairs.of(np.arange(20)), {key: logits[:20] for key, logits in of.logits.items()})
    assert {gate.why for gate in stimulus_gates(few, THRESHOLD, HOW)} == {"too few pairs: 20; wanted 100"}
    lacking = replace(of, logits={key: logits for key, logits in of.logits.items() if key[0] != AS_BRIGHT})
    assert stimulus_gates(lacking, THRESHOLD, HOW)[1].why == "the stimuli have no unlensed_as_bright of 1"


def test_stimuli_that_cannot_be_asked_are_refused_with_a_sentence(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="have 16 pixels and the stamps 64; wanted the same"):
        read_stimuli(directory, ARCS, 64)
    with pytest.raises(InputError, match="was told nonsense, which the stimuli table does not have"):
        read_stimuli(directory, DrawnJudge(sums(RING), ("nonsense",)), SIZE)
    lone = write(tmp_path / "lone", [row_of(0, EINSTEIN_RADIUS, 1.0), row_of(1, HOST, 0.0)])
    with pytest.raises(InputError, match="hold no lens that was made with its host"):
        read_stimuli(lone, ARCS, SIZE)
