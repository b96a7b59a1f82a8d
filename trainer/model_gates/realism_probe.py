"""Realism: can the network's own features tell injected lenses from real ones, where hosts are alike in brightness and colour?

A linear probe is fitted on some hosts and judges others. That it tells the two apart shows that they differ, not that it
matters: real lists are selected by arcs that people saw, or by spectra, and lie where seeing and depth are others; neither is
matched here. So the figure is no verdict. Beside it stand the same probe between two halves of the injected (what no difference
looks like), and the shares called lenses, where it would matter.

Legend: an object is an injected lens or a real one; magnitudes AB, within ``APERTURE_PIX`` of the galaxy on the lens itself,
measured alike on both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.survey import BANDS, ZEROPOINT_MAG
from trainer.gates.class_gates import words_of
from trainer.gates.class_scores import Chance, ClassScores, class_scores
from trainer.gates.gate import Behind, Evidence, Gate, Limits, Question, Table, Verdict, too_few, unsupported
from trainer.gates.gated_stamps import Integers, Rows, host_hashes
from trainer.intervals import wilson_interval
from trainer.judge import Images, Judge, Numbers
from trainer.model_gates.judged_stamps import Pairs, Threshold
from trainer.model_gates.real_lenses import RealLenses

FEWEST_REAL = 40
"""Fewer leave an AUC uncertain by more than 0.13, as wide as what is asked."""
APERTURE_PIX = 8.0
_WITHIN_MAG, _WITHIN_COLOUR = 0.5, 0.25
_INJECTED_A_REAL = 2
_G, _R = BANDS.index("g"), BANDS.index("r")

REALISM = Question(
    "realism_probe",
    "Realism probe",
    "Can injected lenses be told from real ones by what the network makes of their pixels?",
    "AUC of a linear probe in feature space, real lenses against injected ones with hosts alike in r and g - r, on other hosts",
    Limits((-math.inf, 0), (-math.inf, 0), "No limits: a difference that can be seen need not matter, and 0.5 is no proof."),
)


@dataclass(frozen=True)
class Matched:
    """Injected lenses (numbers of pairs) and real ones (numbers of lenses) with hosts alike, and what was measured of all."""

    injected: Integers
    real: Integers
    host_of_injected: Numbers
    host_of_real: Numbers


def realism_gate(judge: Judge, pairs: Pairs, real: RealLenses | None, threshold: Threshold, how: Chance) -> Gate:
    """The probe, or why there is none."""
    if real is None:
        return unsupported(REALISM, "no real lenses were given: --integrity and --anchor-cutouts name them")
    matched = match_hosts(pairs, real)
    injected, found = pairs.of(matched.injected), matched.real
    behind = Behind(len(found) + len(injected.rows), 0, len(found) + len(np.unique(injected.hosts)))
    why = too_few(len(found), len(injected.rows), behind.n_hosts, fewest=FEWEST_REAL)
    if why:
        words = f"{len(found)} real lenses of {len(real.names)} and {len(injected.rows)} injected ones with hosts alike"
        return unsupported(REALISM, f"{words}; wanted {FEWEST_REAL} of each", behind)
    seen = np.concatenate([injected.lens, real.images[found]])
    told = np.concatenate([injected.metadata, real.metadata[found]])
    names = np.concatenate([injected.hosts, real.names[found]])
    is_real = np.arange(len(names)) >= len(injected.rows)
    features = judge.features(seen, told)
    probe = _probe(features, is_real, names, how)
    if probe is None:
        return unsupported(REALISM, "a fold of hosts lacks real or injected lenses, or no feature varies", behind)
    half = host_hashes(injected.hosts.tolist(), how.seed + 1) % np.uint64(2) == 0
    null = _probe(features[~is_real], np.asarray(half), injected.hosts, how)
    called = judge.logits(seen, told) > threshold.logit
    table = _table(matched, probe, null, called[is_real], called[~is_real])
    told_why = f"not a verdict: the two differ by selection, seeing and depth too; two halves of the injected give {_auc(null)}"
    evidence = Evidence(
        {"real": probe.ranks[is_real], "injected": probe.ranks[~is_real]},
        "rank of the probe's score",
        "Ranks on hosts that the probe was not fitted on: where the lines lie on each other, it tells nothing apart.",
        table,
    )
    behind = Behind(len(names), 0, behind.n_hosts, len(np.unique(names)), "host")
    return Gate(REALISM, Verdict.CONFOUNDED, told_why, probe.auc, behind, evidence)


def match_hosts(pairs: Pairs, real: RealLenses) -> Matched:
    """For each real lens up to two injected ones within 0.5 mag in r and 0.25 in g - r, nearest first; none is taken twice."""
    ours = host_light(pairs.lens, pairs.x_pix, pairs.y_pix)
    theirs = host_light(real.images, real.x_pix, real.y_pix)
    scale = np.array([_WITHIN_MAG, _WITHIN_COLOUR])
    far = np.abs((theirs[:, None] - ours[None]) / scale)
    distance = np.where((far <= 1).all(axis=2), np.hypot(far[..., 0], far[..., 1]), np.inf)
    free = np.ones(len(ours), bool)
    injected: list[int] = []
    matched: list[int] = []
    for turn in range(_INJECTED_A_REAL):
        for number in range(len(theirs)) if not turn else list(matched):
            open_to = np.where(free, distance[number], np.inf)
            if len(open_to) and np.isfinite(open_to.min()):
                injected.append(int(open_to.argmin()))
                free[injected[-1]] = False
                if not turn:
                    matched.append(number)
    taken, found = np.array(injected, np.int64), np.array(matched, np.int64)
    return Matched(taken, found, ours[taken], theirs[found])


def host_light(images: Images, x_pix: Numbers, y_pix: Numbers) -> Numbers:
    """(object, 2) r magnitude and g - r in the aperture; NaN, which is like nothing, where there is no light."""
    axis = np.arange(images.shape[-1], dtype=np.float64)
    near = np.hypot(axis - x_pix[:, None, None], axis[:, None] - y_pix[:, None, None]) < APERTURE_PIX
    flux = np.where(near[:, None], images, 0).sum((2, 3), dtype=np.float64)
    magnitude = ZEROPOINT_MAG - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))
    return np.stack([magnitude[:, _R], magnitude[:, _G] - magnitude[:, _R]], axis=1)


def _probe(features: Numbers, first: Rows, names: npt.NDArray[np.str_], how: Chance) -> ClassScores | None:
    units = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return class_scores(features, first, host_hashes(names.tolist(), how.seed), units, how, trees=False)


def _auc(scores: ClassScores | None) -> str:
    return "no figure" if scores is None else words_of(scores.auc)


def _table(matched: Matched, probe: ClassScores, null: ClassScores | None, real: Rows, injected: Rows) -> Table:
    rows = [("AUC, real against injected", words_of(probe.auc)), ("AUC, injected against injected", _auc(null))]
    for name, called, hosts in (("real", real, matched.host_of_real), ("injected", injected, matched.host_of_injected)):
        share = wilson_interval(float(called.mean()), len(called))
        rows.append((f"{name}: share called lenses, of {len(called)}", words_of(share)))
        rows.append((f"{name}: median r and g - r of the middle", "{:.2f}, {:.2f}".format(*np.median(hosts, axis=0))))
    return Table("The probe, its null, and whether what differs matters to the score.", ("of", "figure"), rows)
