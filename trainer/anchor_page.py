"""The page ``integrity.html``: the verdict on a set of anchors, what is wrong with which, and pictures of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.refusal_reasons import names_of
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from trainer.anchor_integrity import (
    CATALOGUE_TOLERANCE_MAG,
    FARTHEST_ARCSEC,
    MOST_FAILURES,
    PLAUSIBLE_MAG,
    Row,
    Tally,
    Verdict,
    read_planes,
    tally,
)
from trainer.anchor_photometry import APERTURE_ARCSEC
from trainer.anchor_scores import CAMERA_EDGE_DEG, CAMERAS
from trainer.figures_canvas import CONTROL_COLOUR, LENS_COLOUR, Drawing
from trainer.figures_population import FloatArray, histogram
from trainer.gallery import Picture, colour_picture, png_uri
from trainer.report_examples import Example, Shown
from trainer.report_page import environment

_MOST_PICTURES = 60
_CONTROL_PICTURES = 24
_MARK_ARCSEC = (2.2, 3.4)
_MARK_COLOUR = (96, 214, 255)


@dataclass(frozen=True)
class IntegrityInputs:
    """Judged anchors and control, rows that the list refused, cutouts by name of both, and the verdict."""

    anchors: Sequence[Row]
    control: Sequence[Row]
    refused: Sequence[Row]
    cutouts: Mapping[str, Row]
    sky: Mapping[str, Row]
    verdict: Verdict
    code: str


def render_integrity(inputs: IntegrityInputs) -> str:
    """The page as HTML text; the same inputs give the same text."""
    judged = [row for row in inputs.anchors if row["judged"]]
    failing = [row for row in judged if not row["holds"]]
    holding = sorted((row for row in judged if row["holds"]), key=lambda row: row["name"])
    control = [row for row in inputs.control if row["judged"]]
    by_chance = sorted(control, key=lambda row: (not row["holds"], row["name"]))
    return (
        environment()
        .get_template("integrity.html.j2")
        .render(
            verdict=inputs.verdict,
            code=inputs.code,
            cards=_cards(inputs),
            limits={"offset": FARTHEST_ARCSEC, "aperture": APERTURE_ARCSEC, "failures": f"{MOST_FAILURES:.0%}"}
            | {"tolerance": CATALOGUE_TOLERANCE_MAG, "bright": PLAUSIBLE_MAG[0], "faint": PLAUSIBLE_MAG[1]},
            wrong=[_wrong(row) for row in failing],
            strata=_strata(inputs.anchors),
            figures=_figures(judged, control),
            failing=_pictures(failing[:_MOST_PICTURES], inputs.cutouts),
            holding=_pictures(holding[:_MOST_PICTURES], inputs.cutouts),
            chance=_pictures(by_chance[:_CONTROL_PICTURES], inputs.sky),
            n_failing=len(failing),
            n_holding=len(holding),
            n_chance=len(control),
            unjudged=[(row["name"], row["finding"]) for row in inputs.anchors if not row["judged"]],
            refused=[(row["name"], ", ".join(names_of(row["reasons"])), row["remark"]) for row in inputs.refused],
        )
    )


def marked_picture(image: np.ndarray[Any, np.dtype[np.float32]], x: float, y: float) -> Picture:
    """Colour composite with four ticks that point at (x, y)."""
    picture = colour_picture(image).copy()
    near, far = (round(radius / PIXEL_SCALE_ARCSEC) for radius in _MARK_ARCSEC)
    centre = np.array([round(y), round(x)])
    for direction in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        for step in range(near, far + 1):
            row, column = centre + step * np.array(direction)
            if 0 <= row < picture.shape[0] and 0 <= column < picture.shape[1]:
                picture[row, column] = _MARK_COLOUR
    return picture


def _cards(inputs: IntegrityInputs) -> list[tuple[str, str, str]]:
    """(title, figure, detail)."""
    verdict = inputs.verdict
    unjudged = len(inputs.anchors) - verdict.anchors.judged
    return [
        ("anchors that hold", _share(verdict.anchors), _interval(verdict.anchors)),
        ("random sky that holds", _share(verdict.control), _interval(verdict.control)),
        ("not judged", str(unjudged), "anchors without a usable cutout"),
        ("refused by the list", str(len(inputs.refused)), "rows whose position cannot be believed"),
    ]


def _share(counted: Tally) -> str:
    return f"{counted.holding} of {counted.judged}"


def _interval(counted: Tally) -> str:
    if not counted.judged:
        return "none was judged"
    share = counted.share
    return f"{share.value:.1%}, {share.low:.1%} to {share.high:.1%} (95 %, exact binomial)"


def _wrong(row: Row) -> dict[str, str]:
    return {
        "name": row["name"],
        "position": f"{row['ra_deg']:.5f} {row['dec_deg']:+.5f}",
        "offset": _number(row["offset_arcsec"], "{:.2f}"),
        "light": _number(row["aperture_mag_r"], "{:.2f}"),
        "finding": row["finding"],
    }


def _strata(rows: Sequence[Row]) -> list[tuple[str, str, str, str, str]]:
    """Class, discovery, part of the sky, share that holds, interval: a pooled share hides a stratum that is wrong."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        part = CAMERAS[row["dec_deg"] > CAMERA_EDGE_DEG]
        groups.setdefault((row["object_class"], row["discovery"], part), []).append(row)
    counted = {key: tally(group) for key, group in sorted(groups.items())}
    return [(*key, _share(of), _interval(of)) for key, of in counted.items()]


def _figures(anchors: Sequence[Row], control: Sequence[Row]) -> list[Drawing]:
    wanted = (
        ("offset_arcsec", "nearest source to position (arcsec)", "A galaxy at the position lies in the first bin or two."),
        ("aperture_mag_r", "r within the aperture (mag)", "Deflectors of known lenses have r of 16 to 20."),
        ("source_density", "other sources (per square arcmin)", "A crowded field puts a source anywhere."),
    )
    drawings = [
        histogram(
            {"anchors": _column(anchors, name), "random sky": _column(control, name)},
            axis,
            caption,
            colours=(LENS_COLOUR, CONTROL_COLOUR),
        )
        for name, axis, caption in wanted
    ]
    return [drawing for drawing in drawings if drawing is not None]


def _column(rows: Sequence[Row], name: str) -> FloatArray:
    return np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=np.float64)


def _pictures(rows: Sequence[Row], cutouts: Mapping[str, Row]) -> list[Example]:
    found = []
    for row in rows:
        cutout = cutouts[row["name"]]
        bands = [band if band in cutout["bands"] else "r" for band in BANDS]
        image = np.stack(read_planes(cutout, "image", bands)).astype(np.float32)
        picture = marked_picture(image, cutout["x_centre_pix"], cutout["y_centre_pix"])
        state = "holds" if row["holds"] else "fails"
        place = "Random sky near" if row["control"] else "Cutout at"
        words = f"{place} {row['name']}, which {state}: {row['finding'] or 'a galaxy stands there'}."
        facts = [("offset", _number(row["offset_arcsec"], "{:.2f}″")), ("r", _number(row["aperture_mag_r"], "{:.2f}"))]
        found.append(Example([Shown(png_uri(picture), words, state)], facts, row["name"]))
    return found


def _number(value: float | None, pattern: str) -> str:
    return "none" if value is None else pattern.format(value)
