"""Sets of images side by side: their middles, skies, normalisation and light by radius, and the ratio of any two."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from schemas.survey import BANDS
from trainer.autopsies.failed_experiment import OUTER, PEAK, PEAK_RATIO, RING_MEANS, RINGS_PIX
from trainer.autopsies.findings import Finding, Part
from trainer.autopsies.image_sets import ANCHORS, ImageSet
from trainer.autopsies.measurements import Measured
from trainer.autopsies.set_draws import mean_of, median_of, of_both
from trainer.figures_population import histogram
from trainer.gates.class_scores import Chance
from trainer.judge import Numbers

Sets = Sequence[tuple[ImageSet, Measured]]
_R = BANDS.index("r")
_FEWEST_SCORED_APART = 4


def peak_part(sets: Sets, how: Chance) -> Part:
    """The largest r pixel of the middle 8 x 8 of each set, and the ratio of any two."""
    found: list[Finding] = []
    for of, measured in sets:
        note = f"standard deviation {np.nanstd(measured['peak_r']):.4f}"
        mean = mean_of(measured["peak_r"], of, how)
        found.append(mean.finding(f"{of.name}.mean", f"{of.name}: mean (nMgy)", PEAK.get(of.name, ""), note))
        found.append(median_of(measured["peak_r"], of, how).finding(f"{of.name}.median", f"{of.name}: median (nMgy)"))
    for (one, of_one), (other, of_other) in combinations(reversed(list(sets)), 2):
        for word, statistic in (("means", mean_of), ("medians", median_of)):
            ratio = of_both(statistic(of_one["peak_r"], one, how), statistic(of_other["peak_r"], other, how), np.divide)
            failed = PEAK_RATIO.get((one.name, other.name), "") if word == "means" else ""
            found.append(ratio.finding(f"{one.name}/{other.name}.{word}", f"{one.name} over {other.name}, {word}", failed))
    drawn = histogram(
        {of.name: measured["peak_r"] for of, measured in sets[:3]},
        "largest r pixel of the middle 8 x 8 (nMgy)",
        "How bright the middles are. Each curve is a share of its own set.",
        log=True,
    )
    told = "The largest r pixel of the middle 8 x 8 pixels of each stamp. Intervals of a ratio take the sets as independent."
    return Part("central_maximum", "Central brightness", told, found, [drawn] if drawn else [])


def sky_part(sets: Sets, how: Chance) -> Part:
    """Mean and scatter of the outer annulus, as the failed experiment compared them, and noise and texture as we do."""
    found: list[Finding] = []
    for of, measured in sets:
        failed = OUTER.get(of.name, ("", ""))
        for n, band in enumerate(BANDS):
            for key, word, theirs in (("outer_mean", "mean", failed[0]), ("outer_std", "std", failed[1])):
                median = median_of(measured[key][:, n], of, how)
                label = f"{of.name}: {word} of the annulus, {band} (nMgy)"
                found.append(median.finding(f"{of.name}.{key}.{band}", label, theirs if band == "r" else ""))
        noise = median_of(measured["noise"][:, _R], of, how)
        texture = median_of(measured["texture"][:, _R], of, how)
        found.append(noise.finding(f"{of.name}.noise.r", f"{of.name}: noise of a pixel, r (nMgy), galaxies cancelled"))
        found.append(texture.finding(f"{of.name}.texture.r", f"{of.name}: likeness of neighbours, r (0 for white noise)"))
    told = (
        "Medians over objects, beyond 24 of 64 pixels from the middle: what a mean holds of galaxies' outskirts is still in it."
    )
    return Part("outer_background", "Outer background", told, found)


def normalisation_part(sets: Sets, how: Chance) -> Part:
    """What the failed experiment's normalisation takes off and divides by."""
    found = [
        median_of(measured[key][:, n], of, how).finding(f"{of.name}.{key}.{band}", f"{of.name}: {word}, {band} (nMgy)")
        for of, measured in sets
        for key, word in (("norm_median", "median"), ("norm_mad", "MAD"))
        for n, band in enumerate(BANDS)
    ]
    told = (
        "Median and MAD of the pixels beyond a quarter of the stamp, medians over objects. Where sets differ here, a network "
        "that is fed by this normalisation sees the difference in every pixel."
    )
    return Part("normalisation", "Normalisation parameters", told, found)


def ring_means_part(sets: Sets, how: Chance) -> Part:
    """Normalised means by radius, and of the anchors those that score high and low."""
    found: list[Finding] = []
    for of, measured in [*sets, *_by_score(sets)]:
        failed = RING_MEANS.get(of.name, ("", "", ""))
        for ring, (low, high) in enumerate(RINGS_PIX):
            for n, band in enumerate(BANDS):
                mean = mean_of(measured["ring_means"][:, n * len(RINGS_PIX) + ring], of, how)
                label = f"{of.name}: r {low} to {high} px, {band}"
                found.append(mean.finding(f"{of.name}.{low}-{high}.{band}", label, failed[ring]))
    told = (
        "Means of pixels after the failed experiment's normalisation (outer median and MAD, cut at ±10), about the stamp's "
        "middle. Its own figures do not say the band."
    )
    absent = [] if len(found) > len(sets) * 9 else ["High- and low-scoring anchors: give anchors, eight or more."]
    return Part("normalised_means", "Normalised light by radius", told, found, absent=absent)


def _by_score(sets: Sets) -> list[tuple[ImageSet, Measured]]:
    """The quarters of the anchors that score highest and lowest."""
    found: list[tuple[ImageSet, Measured]] = []
    for of, measured in sets:
        quarter = len(of.logits) // 4
        if of.name != ANCHORS or quarter * 4 < 2 * _FEWEST_SCORED_APART:
            continue
        order = np.argsort(of.logits, kind="stable")
        for name, rows in (("high-scoring anchors", order[-quarter:]), ("low-scoring anchors", order[:quarter])):
            found.append((of.of(rows, name), _rows_of(measured, rows)))
    return found


def _rows_of(measured: Measured, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> dict[str, Numbers]:
    return {name: values[rows] for name, values in measured.items()}
