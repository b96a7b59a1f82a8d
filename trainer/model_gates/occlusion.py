"""Occlusion: a patch of a lens is hidden, patch after patch. Where does what the network says hang on?

A patch is hidden in two ways. With its control's pixels, which takes away the arc there and nothing else; a patch without
arc then changes nothing, and the answer shows which of all that a lens has more than its control the network reads. With the
level of the sky, as one would do without a control, which hides the galaxy and its neighbours too and leaves a hole that no
survey shows; it is shown beside, and not judged. A drop is the logit of the lens less that of the changed image, if positive.

Legend: tiles (pair, tile row, tile column) are square patches of ``TILE_PIX``, side by side; images (pair, band, y, x) in nMgy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from trainer.figures_canvas import Drawing
from trainer.gates.class_gates import words_of
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Evidence, Gate, Limits, Question, Table, judged, too_few, unsupported
from trainer.gates.gated_stamps import Rows
from trainer.judge import Images, Judge, Numbers
from trainer.model_gates.gap import asked, ratio_of_sums, too_few_pairs
from trainer.model_gates.judged_stamps import Pairs
from trainer.model_gates.occlusion_figures import Occluded, gallery_drawing
from trainer.model_gates.pair_gates import arc_pixels

TILE_PIX = 8
MOST_PAIRS = 48
SHOWN = 6
_A_DRAWING = 3
_EDGE_PIX = 4

OCCLUSION = Question(
    "occlusion",
    "Occlusion",
    "Does what the network says hang on the places where lensing puts an arc?",
    "share of the drops in logits, patches of a lens as its control's, that lies at theta_E - FWHM < r < 2 theta_E + FWHM",
    Limits(
        (0.85, math.inf),
        (0.70, math.inf),
        "Images of a lensed source lie within twice the Einstein radius, and where there is room not in the core. An extended "
        "source has light beyond; a network that has a third of its answer from elsewhere reads what is no arc.",
    ),
)


@dataclass(frozen=True)
class Drops:
    """(pair, tile row, tile column) drops in logits, none negative, with a patch hidden by its control and by the sky."""

    by_control: Numbers
    by_sky: Numbers


def occlusion_gate(judge: Judge, pairs: Pairs, how: Chance) -> Gate:
    """The verdict from pairs at equal steps through the order of their gaps, and a gallery of both its ends."""
    why = too_few_pairs(pairs, how)
    if why:
        return unsupported(OCCLUSION, why, pairs.behind)
    some = spread(pairs)
    why = too_few(len(some.rows), len(some.rows), some.behind.n_units, fewest=1)
    if why:
        return unsupported(OCCLUSION, why, some.behind)
    drops = occluded(judge, some)
    total = drops.by_control.sum((1, 2))
    if not total.sum() > 0:
        return unsupported(OCCLUSION, "no patch makes any lens weaker", some.behind)
    inside = (drops.by_control * share_of_tiles(some, where_arcs_lie(some))).sum((1, 2))
    evidence = Evidence(table=_table(some, drops, how), drawings=_gallery(some, drops, inside))
    return judged(OCCLUSION, ratio_of_sums(inside, total, some, how), some.behind, evidence)


def spread(pairs: Pairs) -> Pairs:
    """At most ``MOST_PAIRS``, at equal steps from the smallest gap to the largest, in that order."""
    order = np.argsort(pairs.gap, kind="stable")
    places = np.linspace(0, len(order) - 1, min(MOST_PAIRS, len(order))).round().astype(np.int64)
    return pairs.of(order[places])


def occluded(judge: Judge, pairs: Pairs) -> Drops:
    """Ask about every lens with every patch hidden, both ways."""
    side = pairs.lens.shape[-1] // TILE_PIX
    sky = sky_level(pairs.lens)
    drops = np.zeros((2, len(pairs.rows), side, side))
    for row in range(side):
        for column in range(side):
            patch = np.s_[:, :, _extent(row, side, pairs.lens), _extent(column, side, pairs.lens)]
            for way, filling in enumerate((pairs.control[patch], sky)):
                changed = pairs.lens.copy()
                changed[patch] = filling
                drops[way, :, row, column] = np.maximum(pairs.lens_logits - asked(judge, changed, pairs), 0)
    return Drops(*drops)


def sky_level(images: Images) -> Images:
    """(pair, band, 1, 1) median of the outermost four pixels."""
    edge = np.ones(images.shape[-2:], bool)
    edge[_EDGE_PIX:-_EDGE_PIX, _EDGE_PIX:-_EDGE_PIX] = False
    return np.asarray(np.median(images[:, :, edge], axis=2)[:, :, None, None], np.float32)


def where_arcs_lie(pairs: Pairs) -> Rows:
    """(pair, y, x) theta_E - FWHM < r < 2 theta_E + FWHM, with the PSF's width in r."""
    r = pairs.radius_pix * PIXEL_SCALE_ARCSEC
    theta_e, fwhm = pairs.theta_e_arcsec[:, None, None], pairs.fwhm_arcsec[:, BANDS.index("r"), None, None]
    return np.asarray((r > theta_e - fwhm) & (r < 2 * theta_e + fwhm))


def share_of_tiles(pairs: Pairs, inside: Rows) -> Numbers:
    """(pair, tile row, tile column) the share inside of what differs between lens and control; 0 where nothing does."""
    differs = (np.abs(pairs.arc) / pairs.sky_sigma[:, :, None, None]).sum(axis=1, dtype=np.float64)
    both, within = _tile_sums(differs), _tile_sums(differs * inside)
    return np.divide(within, both, out=np.zeros_like(both), where=both > 0)


def _tile_sums(pixels: Numbers) -> Numbers:
    side = pixels.shape[-1] // TILE_PIX
    edges = np.arange(side) * TILE_PIX
    return np.add.reduceat(np.add.reduceat(pixels, edges, axis=1), edges, axis=2)


def _extent(number: int, side: int, images: Images) -> slice:
    """Pixels of a tile along one axis; the last one has what is left."""
    return slice(number * TILE_PIX, images.shape[-1] if number == side - 1 else (number + 1) * TILE_PIX)


def _table(pairs: Pairs, drops: Drops, how: Chance) -> Table:
    """Shares of the drops on patches that hold arc pixels, both ways, beside the share of patches and of the arcs' light."""
    arcs = arc_pixels(pairs).astype(np.float64)
    lit = (_tile_sums(arcs) > 0).astype(np.float64)
    light = np.abs(pairs.arc[:, BANDS.index("r")]).astype(np.float64)
    # Faint pixels are left out: summed over a stamp, the arc's own photon noise would count as light.
    light *= light > pairs.sky_sigma[:, BANDS.index("r"), None, None]
    ways = {"drops, patch as its control": drops.by_control, "drops, patch at the level of the sky": drops.by_sky}
    rows = [
        (name, words_of(ratio_of_sums((way * lit).sum((1, 2)), way.sum((1, 2)), pairs, how)))
        for name, way in ways.items()
        if way.sum() > 0
    ]
    rows.append(("patches", f"{lit.mean():.3f}"))
    inside = (light * where_arcs_lie(pairs)).sum((1, 2))
    if light.sum() > 0:
        rows.append(("light of the arcs at theta_E - FWHM < r < 2 theta_E + FWHM", f"{inside.sum() / light.sum():.3f}"))
    return Table("How much lies on patches with arc pixels (above 0.3 of the noise).", ("of", "share"), rows)


def _gallery(pairs: Pairs, drops: Drops, inside: Numbers) -> list[Drawing]:
    """The lenses with the largest gaps, and those with the smallest."""
    total = drops.by_control.sum((1, 2))
    on_arc = np.divide(inside, total, out=np.zeros_like(total), where=total > 0)
    seen = [
        Occluded(
            pairs.lens[n],
            float(pairs.lens_logits[n]),
            float(pairs.control_logits[n]),
            drops.by_control[n],
            drops.by_sky[n],
            float(on_arc[n]),
        )
        for n in range(len(pairs.rows))
    ]
    ends = {"with the largest steps": seen[::-1][:SHOWN], "with the smallest steps": seen[:SHOWN]}
    return [
        gallery_drawing(which, lenses[first : first + _A_DRAWING])
        for which, lenses in ends.items()
        for first in range(0, len(lenses), _A_DRAWING)
    ]
