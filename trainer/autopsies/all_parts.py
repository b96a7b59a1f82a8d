"""Every part of an autopsy, in the order of the page: what was found first, then the measurements that it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.job_entry import InputError
from schemas.locations import Location
from trainer.autopsies.anchor_sets import read_anchor_set, read_random_sky
from trainer.autopsies.arc_signal import arc_signal_part
from trainer.autopsies.cause_evidence import Side
from trainer.autopsies.causes import causes_part
from trainer.autopsies.comparisons import normalisation_part, peak_part, ring_means_part, sky_part
from trainer.autopsies.correlations import correlation_part
from trainer.autopsies.findings import Part
from trainer.autopsies.image_sets import LENSES, NEGATIVES, ImageSet, set_of_stamps
from trainer.autopsies.measurements import measure
from trainer.autopsies.recall import absent_recall, recall_part
from trainer.autopsies.ring_test import ring_part
from trainer.autopsies.scorers import scorers_part
from trainer.gates.class_scores import Chance
from trainer.judge import Judge
from trainer.model_gates.judged_stamps import judge_stamps


@dataclass(frozen=True)
class RealSky:
    """Finished directories of an anchors table, its cutouts and its integrity; random sky where it was cut."""

    anchors: Location
    cutouts: Location
    integrity: Location
    random_sky: Location | None


@dataclass(frozen=True)
class Bodies:
    """The sets that are looked at, judged; the real ones None where none were given."""

    lenses: ImageSet
    negatives: ImageSet
    real: ImageSet | None
    sky: ImageSet | None

    @property
    def present(self) -> list[ImageSet]:
        """Those that are there."""
        return [one for one in (self.lenses, self.negatives, self.real, self.sky) if one is not None]


def read_bodies(stamps: Location, split: str, most: int, seed: int, judge: Judge, real: RealSky | None) -> Bodies:
    """Read and judge all; raises InputError where the stamps are of one class, or a set does not belong to the others."""
    judged = judge_stamps(stamps, split, most, seed, judge)
    lens = judged.stamps.lens
    rows = np.flatnonzero(judged.readable & lens), np.flatnonzero(judged.readable & ~lens)
    if not all(map(len, rows)):
        raise InputError(
            f"split {split!r} of {stamps} has {len(rows[0])} lenses and {len(rows[1])} negatives that can be read; wanted both"
        )
    lenses, negatives = (set_of_stamps(judged, some, name) for some, name in zip(rows, (LENSES, NEGATIVES), strict=True))
    if real is None:
        return Bodies(lenses, negatives, None, None)
    size = judged.stamps.catalogue.size_pix
    sky = read_random_sky(real.random_sky, judge, size) if real.random_sky else None
    return Bodies(lenses, negatives, read_anchor_set(real.anchors, real.cutouts, judge, size), sky)


def autopsy_parts(judge: Judge, bodies: Bodies, real: RealSky | None, how: Chance) -> list[Part]:
    """All parts."""
    sets: Sequence[Side] = [(one, measure(one)) for one in bodies.present]
    recall = absent_recall()
    if real is not None and bodies.real is not None:
        recall = recall_part(real.anchors, real.cutouts, real.integrity, bodies.real, bodies.sky, bodies.negatives, how)
    causes = causes_part([side for side in sets if side[0] is not bodies.sky], how)
    return [
        recall,
        causes,
        peak_part(sets, how),
        sky_part(sets, how),
        normalisation_part(sets, how),
        ring_means_part(sets, how),
        correlation_part([side for side in sets if side[0] is not bodies.sky], how),
        arc_signal_part(bodies.lenses, bodies.negatives, how),
        ring_part(judge, bodies.negatives, how),
        scorers_part(bodies.present),
    ]
