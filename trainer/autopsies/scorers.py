"""Who scores highest and lowest, with pictures: one look says more than a figure where a set is not what it is taken for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainer.autopsies.findings import Gallery, Part
from trainer.autopsies.image_sets import ANCHORS, LENSES, ImageSet
from trainer.gallery import colour_picture, png_uri
from trainer.report_examples import Example, Shown

SHOWN = 12
_TOLD = (
    "Colour composites, all on one scale of brightness (north up, east left). An object stands once in a list: of a host with "
    "several stamps its most extreme one. In the middle there should be a massive galaxy."
)
_FACTS = (("θE", "theta_e_arcsec", "{:.2f}″"), ("arc S/N", "arc_snr", "{:.0f}"), ("peak S/N", "arc_peak_snr", "{:.1f}"))


def scorers_part(sets: Sequence[ImageSet]) -> Part:
    """The highest and lowest of each set."""
    galleries = []
    for of in sets:
        order = np.argsort(of.logits, kind="stable")
        highest, lowest = _one_a_name(of, order[::-1]), _one_a_name(of, order)
        if len(np.unique(of.names)) <= SHOWN:
            galleries.append(Gallery(f"{of.name.capitalize()}, all {len(highest)}", _examples(of, highest)))
            continue
        galleries.append(Gallery(f"{of.name.capitalize()} that score highest", _examples(of, highest)))
        galleries.append(Gallery(f"{of.name.capitalize()} that score lowest", _examples(of, lowest)))
    return Part("scorers", "Highest and lowest scores", _TOLD, galleries=galleries)


def _one_a_name(of: ImageSet, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
    kept: dict[str, int] = {}
    for row in order:
        kept.setdefault(str(of.names[row]), int(row))
        if len(kept) == SHOWN:
            break
    return list(kept.values())


def _examples(of: ImageSet, rows: Sequence[int]) -> list[Example]:
    return [_example(of, row) for row in rows]


def _example(of: ImageSet, row: int) -> Example:
    p = float(of.probability[row])
    facts = [("p", f"{p:.1e}" if p < 0.001 else f"{p:.3f}"), ("logit", f"{of.logits[row]:.2f}")]
    if np.isfinite(of.mag_r[row]):
        facts.append(("r", f"{of.mag_r[row]:.2f}"))
    for word, column, pattern in _FACTS if of.name in (LENSES, ANCHORS) else ():
        value = of.columns.get(column)
        if value is not None and np.isfinite(value[row]):
            facts.append((word, pattern.format(value[row])))
    name = str(of.names[row])
    words = f"One of the {of.name}, {name}: " + ", ".join(f"{key} {value}" for key, value in facts) + "."
    return Example([Shown(png_uri(colour_picture(of.images[row])), words, of.name)], facts, name)
