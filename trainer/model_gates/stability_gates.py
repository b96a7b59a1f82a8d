"""Gates that change what no lens depends on: orientation, pixel grid, seeing, the conditions that the network is told."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from schemas.survey import PIXEL_SCALE_ARCSEC
from trainer.augmentation import shifted_and_broadened, turn
from trainer.gates.class_gates import words_of
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Evidence, Gate, Limits, Question, Table, judged, unsupported
from trainer.intervals import Bootstrap, Interval, percentile_interval, units_of
from trainer.judge import Images, Judge, Numbers
from trainer.model_gates.gap import asked, ratio_of_sums, too_few_pairs
from trainer.model_gates.judged_stamps import Pairs

WIDER = 1.15
"""Factor on the PSF's width: the scatter between a brick's mean and a place in it, and a little more."""
_SIGMA_TO_FWHM = math.sqrt(8 * math.log(2))
_SHIFTS_PIX = ((0.5, 0.0), (0.0, 0.5), (0.5, 0.5))
_SCATTER = "scatter of a stamp's logit, over the mean step from control to lens"

ORIENTATION = Question(
    "orientation",
    "Turned and mirrored",
    "Does the answer depend on which way up the stamp is?",
    f"{_SCATTER}; eight orientations",
    Limits(
        (-math.inf, 0.20),
        (-math.inf, 0.35),
        "The sky has no up. A scatter of a fifth of the step moves one stamp in a hundred from lens to none; of a third, many.",
    ),
)
SUB_PIXEL = Question(
    "sub_pixel_shift",
    "Half a pixel aside",
    "Does the answer depend on where on the pixel grid the galaxy lies?",
    f"{_SCATTER}; shifts by half a pixel",
    Limits(
        (-math.inf, 0.20), (-math.inf, 0.35), "The survey puts galaxies anywhere on its pixels; a network must not mind where."
    ),
)
SEEING = Question(
    "psf_mismatch",
    "PSF wider than stated",
    "Does the network still tell lenses from controls where the seeing is worse than it was told?",
    f"step from control to lens with a PSF {WIDER} times as wide, noise as before, over the step as it was",
    Limits(
        (0.75, math.inf),
        (0.65, math.inf),
        "Arcs lose a tenth to a fifth of their contrast; a network that loses more than a third of its step "
        "rests on structure finer than the PSF.",
    ),
)
METADATA = Question(
    "metadata_permuted",
    "Metadata permuted",
    "Does the answer come from the conditions that the network is told?",
    "root mean square change of a stamp's logit under another stamp's conditions, over the mean step from control to lens",
    Limits(
        (-math.inf, 0.15),
        (-math.inf, 0.30),
        "Conditions may shift how an arc is weighed; a third of the step from them alone is an answer of their own.",
    ),
)


def stability_gates(judge: Judge, pairs: Pairs, how: Chance) -> list[Gate]:
    """The gates of this room."""
    return [
        orientation_gate(judge, pairs, how),
        sub_pixel_gate(judge, pairs, how),
        seeing_gate(judge, pairs, how),
        metadata_gate(judge, pairs, how),
    ]


def orientation_gate(judge: Judge, pairs: Pairs, how: Chance) -> Gate:
    """All eight orientations of lens and control."""

    def turned(images: Images, number: int) -> Images:
        return np.asarray(turn(torch.from_numpy(images), torch.full((len(images),), number)).numpy())

    why = too_few_pairs(pairs, how)
    if why:
        return unsupported(ORIENTATION, why, pairs.behind)
    changes = [[turned(images, number) for number in range(8)] for images in (pairs.lens, pairs.control)]
    return _scatter_gate(ORIENTATION, judge, pairs, changes, how)


def sub_pixel_gate(judge: Judge, pairs: Pairs, how: Chance) -> Gate:
    """The stamp as it is, and moved by half a pixel along x, y and both."""

    def moved(images: Images, shift: tuple[float, float]) -> Images:
        by = torch.tensor([shift]).expand(len(images), 2)
        return np.asarray(shifted_and_broadened(torch.from_numpy(images), by, torch.zeros(len(images)))[0].numpy())

    why = too_few_pairs(pairs, how)
    if why:
        return unsupported(SUB_PIXEL, why, pairs.behind)
    changes = [[images, *(moved(images, shift) for shift in _SHIFTS_PIX)] for images in (pairs.lens, pairs.control)]
    return _scatter_gate(SUB_PIXEL, judge, pairs, changes, how)


def seeing_gate(judge: Judge, pairs: Pairs, how: Chance) -> Gate:
    """Lens and control blurred alike, under the conditions as they were stated."""
    why = too_few_pairs(pairs, how)
    if why:
        return unsupported(SEEING, why, pairs.behind)
    lens, control = (asked(judge, images, pairs) for images in blurred(pairs, how.seed))
    evidence = Evidence(
        {"lens": pairs.lens_logits, "control": pairs.control_logits, "lens, wider PSF": lens},
        "logit",
        "Scores of lenses, controls, and lenses under worse seeing than stated.",
    )
    return judged(SEEING, ratio_of_sums(lens - control, pairs.gap, pairs, how), pairs.behind, evidence)


def metadata_gate(judge: Judge, pairs: Pairs, how: Chance) -> Gate:
    """Each pair under the conditions of another."""
    if not judge.columns:
        return unsupported(METADATA, "the network was told no conditions")
    why = too_few_pairs(pairs, how)
    if why:
        return unsupported(METADATA, why, pairs.behind)
    other = pairs.metadata[np.random.Generator(np.random.Philox(how.seed)).permutation(len(pairs.rows))]
    if (other == pairs.metadata).all():
        return unsupported(METADATA, "all pairs have the same conditions", pairs.behind)
    change = [
        judge.logits(images, other) - logits
        for images, logits in ((pairs.lens, pairs.lens_logits), (pairs.control, pairs.control_logits))
    ]
    figure = _over_step((change[0] ** 2 + change[1] ** 2) / 2, pairs, how)
    evidence = Evidence(
        {"lens": change[0], "control": change[1]}, "change of the logit", "Each pair under the conditions of another pair."
    )
    return judged(METADATA, figure, pairs.behind, evidence)


def blurred(pairs: Pairs, seed: int) -> tuple[Images, Images]:
    """Lens and control with a PSF ``WIDER`` times as wide; the noise that blurring takes is put back, the same in both."""
    added_fwhm = np.nanmean(pairs.fwhm_arcsec, axis=1) * math.sqrt(WIDER**2 - 1)
    sigma_pix = torch.from_numpy((added_fwhm / (_SIGMA_TO_FWHM * PIXEL_SCALE_ARCSEC)).astype(np.float32))
    still = torch.zeros(len(pairs.rows), 2)
    random = np.random.Generator(np.random.Philox(seed))
    found = [shifted_and_broadened(torch.from_numpy(images), still, sigma_pix) for images in (pairs.lens, pairs.control)]
    lost = np.sqrt(1 - found[0][1].numpy())[:, None, None, None] * pairs.sky_sigma[:, :, None, None]
    noise = lost * random.standard_normal(pairs.lens.shape, np.float32)
    lens, control = (np.asarray(images.numpy() + noise, np.float32) for images, _ in found)
    return lens, control


def _scatter_gate(question: Question, judge: Judge, pairs: Pairs, changes: Sequence[Sequence[Images]], how: Chance) -> Gate:
    """Scatter of the logits of some versions of lens and of control about the mean of each."""
    answers = [np.stack([asked(judge, images, pairs) for images in versions]) for versions in changes]
    scatter = [logits.var(axis=0, ddof=1) for logits in answers]
    figure = _over_step((scatter[0] + scatter[1]) / 2, pairs, how)
    rows = [(name, words_of(_over_step(one, pairs, how))) for name, one in zip(("lenses", "controls"), scatter, strict=True)]
    evidence = Evidence(
        {"lenses": np.sqrt(scatter[0]), "controls": np.sqrt(scatter[1])},
        "scatter of the logit",
        "How much the answer to one stamp moves.",
        Table("Scatter over the mean step.", ("class", "scatter / step"), rows),
    )
    return judged(question, figure, pairs.behind, evidence)


def _over_step(squares: Numbers, pairs: Pairs, how: Chance) -> Interval:
    """Root of the mean of ``squares`` over the mean step."""
    columns = np.stack([squares, pairs.gap, np.ones(len(squares))])
    sums = units_of(pairs.units).drawn_sums(columns, Bootstrap(how.draws, how.seed))
    sums = sums[sums[:, 1] > 0]
    value = math.sqrt(squares.mean()) / float(pairs.gap.mean())
    return percentile_interval(value, np.sqrt(sums[:, 0] / sums[:, 2]) / (sums[:, 1] / sums[:, 2]))
