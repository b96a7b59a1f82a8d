"""The failed experiment's ring on negatives: p before and after, and how often the ring lifts it."""

from __future__ import annotations

import math

import numpy as np

from trainer.autopsies.failed_experiment import RING_TEST
from trainer.autopsies.findings import Part
from trainer.autopsies.image_sets import ImageSet
from trainer.autopsies.set_draws import mean_of, median_of
from trainer.figures_population import histogram
from trainer.gates.class_scores import Chance
from trainer.judge import Judge, Numbers
from trainer.model_gates.ring_family import SEED_AMPLITUDE_NMGY, SEED_RADIUS_PIX, SEED_WIDTH_PIX, ring_profile

MOST = 300
_TOLD = (
    "A Gaussian ring (radius 15 px, exp(-(r - 15)²/20), 0.01 nMgy in every band) is added about the middle of negatives. On 64 "
    "pixels it is as bright as r = 20.3 and stands at 56 sigma in r, so a lens finder may well react to it: a high p after it "
    "is no proof of a shortcut. The ring family of dhs gate-model asks the question that separates."
)


def ring_part(judge: Judge, negatives: ImageSet, how: Chance) -> Part:
    """At most 300 negatives, one a host."""
    rows = np.sort(np.unique(negatives.names, return_index=True)[1])[:MOST]
    some = negatives.of(rows)
    before, after = some.probability, with_ring(judge, some)
    found = []
    for word, p, failed in (("before", before, RING_TEST[0]), ("after", after, RING_TEST[1])):
        found.append(median_of(p, some, how).finding(f"median.{word}", f"p of negatives {word} the ring, median", failed))
        found.append(mean_of(p, some, how).finding(f"mean.{word}", f"p of negatives {word} the ring, mean"))
    called = mean_of((after > 0.5).astype(np.float64), some, how)
    found.append(called.finding("called", "share above p = 0.5 with the ring"))
    drawn = histogram(
        {"with the ring": after, "as they are": before}, "p", "What the network says of negatives, and with the ring on them."
    )
    return Part("ring_test", "The ring test", _TOLD, found, [drawn] if drawn else [])


def with_ring(judge: Judge, of: ImageSet) -> Numbers:
    """(object,) p of the images with the ring about their middle pixel."""
    size = of.images.shape[-1]
    middle, width = np.array([size // 2], np.float64), np.array([SEED_WIDTH_PIX])
    ring = SEED_AMPLITUDE_NMGY * ring_profile(size, middle, middle, SEED_RADIUS_PIX, width)
    logits = judge.logits(np.asarray(of.images + ring[:, None], np.float32), of.metadata)
    return np.array([1 / (1 + math.exp(-min(max(logit, -700.0), 700.0))) for logit in logits], np.float64)
