"""Every gate on a network, in the order in which a fault would cost most."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.locations import Location
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Gate
from trainer.judge import Judge
from trainer.model_gates.arc_sweeps import arc_sweeps
from trainer.model_gates.failed_tests import failed_tests
from trainer.model_gates.judged_stamps import JudgedStamps, Pairs, Threshold, calling_threshold, judge_stamps, pairs_of
from trainer.model_gates.kind_gates import kind_gates
from trainer.model_gates.occlusion import occlusion_gate
from trainer.model_gates.pair_gates import pair_gates
from trainer.model_gates.real_lenses import RealLenses
from trainer.model_gates.realism_probe import realism_gate
from trainer.model_gates.ring_family import ring_gates
from trainer.model_gates.stability_gates import stability_gates
from trainer.model_gates.stimuli import Stimuli
from trainer.model_gates.stimulus_gates import stimulus_gates


@dataclass(frozen=True)
class Questioned:
    """A judge, the stamps that it is asked about, the pairs among them, and the logit above which it calls a lens.

    ``real`` are real lenses and ``stimuli`` lenses rendered again, where there are any to ask about.
    """

    judge: Judge
    judged: JudgedStamps
    pairs: Pairs
    threshold: Threshold
    real: RealLenses | None = None
    stimuli: Stimuli | None = None


def question(judge: Judge, directory: Location, split: str, most: int, seed: int, false_positive_rate: float) -> Questioned:
    """Read the stamps and ask about each as it is; raises InputError where the split has too few negatives."""
    judged = judge_stamps(directory, split, most, seed, judge)
    return Questioned(judge, judged, pairs_of(judged), calling_threshold(judged, false_positive_rate))


def model_gates(asked: Questioned, how: Chance) -> list[Gate]:
    """The verdicts."""
    judge, pairs, threshold = asked.judge, asked.pairs, asked.threshold
    return [
        *pair_gates(judge, pairs, how),
        *kind_gates(asked.judged, threshold, how),
        *ring_gates(judge, asked.judged, threshold, how),
        occlusion_gate(judge, pairs, how),
        *stimulus_gates(asked.stimuli, threshold, how),
        *arc_sweeps(judge, pairs, threshold, how),
        *stability_gates(judge, pairs, how),
        realism_gate(judge, pairs, asked.real, threshold, how),
        *failed_tests(judge, pairs, how),
    ]
