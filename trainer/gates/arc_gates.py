"""Gates on the injected light: is it as bright as known arcs, on the pixels as stated, and about its galaxy?"""

from __future__ import annotations

import math

import numpy as np

from schemas.survey import ZEROPOINT_MAG
from trainer.gates.class_gates import words_of
from trainer.gates.class_scores import Chance
from trainer.gates.drawn_figures import mean_interval, median_interval
from trainer.gates.gate import (
    FEWEST_OF_A_CLASS,
    FEWEST_UNITS,
    Behind,
    Evidence,
    Gate,
    Limits,
    Question,
    Table,
    judged,
    unsupported,
    worst_of,
)
from trainer.gates.gated_stamps import GatedStamps, Numbers, Rows
from trainer.gates.stamp_pass import Measured

ARC_MAGNITUDE = Question(
    "arc_magnitude",
    "Arc magnitude",
    "Are the arcs as bright as those of known lenses?",
    "median r magnitude of the light added to lenses",
    Limits(
        (20.0, 23.0),
        (19.5, 23.5),
        "Arcs of known galaxy-scale lenses in ground-based surveys have r of 20 to 23.",
    ),
)
ARC_TO_HOST = Question(
    "arc_to_host_flux",
    "Arc-to-host flux ratio",
    "Do the arcs outshine their hosts?",
    "median of the arc's flux over its host's, band r",
    Limits(
        (0.003, 0.3),
        (0.001, 0.5),
        "Arcs of r = 20 to 23 on deflectors of r = 16 to 20 have a median ratio of a few hundredths to a tenth; the failed "
        "experiment's arcs had 0.3 to 3.2.",
    ),
)
ARC_ON_PIXELS = Question(
    "arc_flux_on_pixels",
    "Arc flux on the pixels",
    "Is the light that was added the light that the table states?",
    "median of the flux of lens minus control over the stated injected flux, band r",
    Limits(
        (0.95, 1.05),
        (0.90, 1.10),
        "Flux is conserved to better than 1 % where nothing is wrong; a pixel area forgotten, a PSF off the stamp or another "
        "zero point moves it by far more.",
    ),
)
ARC_CENTRING = Question(
    "arc_centring",
    "Arc centring",
    "Do the arcs lie about their galaxies, or all to one side?",
    "mean centroid of lens minus control, less the galaxy's stated centre, in pixels; the worse axis",
    Limits(
        (-0.2, 0.2),
        (-0.4, 0.4),
        "A single arc lies to one side, the mean of many does not: half a pixel is a kernel or a grid that is off by as much.",
    ),
)


def arc_gates(stamps: GatedStamps, measured: Measured, how: Chance) -> list[Gate]:
    """The gates of this room."""
    return [
        _median_gate(ARC_MAGNITUDE, stamps, stamps.columns["injected_mag_r"], stamps.lens, how, "injected r magnitude"),
        _median_gate(ARC_TO_HOST, stamps, stamps.columns["arc_to_host_flux"], stamps.lens, how, "arc flux / host flux (r)"),
        arc_on_pixels_gate(stamps, measured, how),
        arc_centring_gate(stamps, measured, how),
    ]


def arc_on_pixels_gate(stamps: GatedStamps, measured: Measured, how: Chance) -> Gate:
    """Pixels of pairs against the table."""
    stated = 10 ** (-0.4 * (stamps.columns["injected_mag_r"] - ZEROPOINT_MAG))
    share = measured.arcs["arc_flux"] / stated
    return _median_gate(ARC_ON_PIXELS, stamps, share, _of_pairs(stamps), how, "flux on the pixels / stated flux (r)")


def arc_centring_gate(stamps: GatedStamps, measured: Measured, how: Chance) -> Gate:
    """Centroids of the arcs of pairs; an arc whose centroid is beyond the stamp has next to no light, and is left out."""
    side = stamps.catalogue.size_pix
    offsets = {"x": measured.arcs["arc_dx"], "y": measured.arcs["arc_dy"]}
    rows = _of_pairs(stamps) & (np.abs(offsets["x"]) < side) & (np.abs(offsets["y"]) < side)
    behind, why = _lenses(stamps, rows)
    if why:
        return unsupported(ARC_CENTRING, why, behind)
    units, _ = stamps.units(rows)
    found = {axis: mean_interval(values[rows], units, how) for axis, values in offsets.items()}
    table = Table("Mean offset, pixels.", ("axis", "offset"), [(axis, words_of(interval)) for axis, interval in found.items()])
    series = {f"{axis} offset": values[rows] for axis, values in offsets.items()}
    caption = (
        "Centroid of each arc less the centre of its galaxy: wide, since arcs are one-sided, and centred where all is well."
    )
    return worst_of(ARC_CENTRING, found, behind, Evidence(series, "offset (pix)", caption, table))


def _median_gate(asked: Question, stamps: GatedStamps, values: Numbers, wanted: Rows, how: Chance, axis: str) -> Gate:
    rows = wanted & np.isfinite(values)
    behind, why = _lenses(stamps, rows)
    if why:
        return unsupported(asked, why, behind)
    interval = median_interval(values[rows], stamps.units(rows)[0], how)
    ends = " to ".join(f"{end:g}" for end in asked.limits.harmless if math.isfinite(end))
    caption = f"What {behind.n_positive} lenses have; harmless medians are {ends}."
    return judged(asked, interval, behind, Evidence({"lenses": values[rows]}, axis, caption))


def _of_pairs(stamps: GatedStamps) -> Rows:
    return np.asarray(stamps.lens & (stamps.pair_of_lens >= 0))


def _lenses(stamps: GatedStamps, rows: Rows) -> tuple[Behind, str | None]:
    """Lenses behind a figure that compares no classes, and why there are too few."""
    units, unit = stamps.units(rows)
    n = int(np.count_nonzero(rows))
    behind = Behind(n, 0, len(np.unique(stamps.hosts[rows])), len(np.unique(units)), unit)
    if n < FEWEST_OF_A_CLASS:
        return behind, f"too few lenses of which this is known: {n}; wanted {FEWEST_OF_A_CLASS}"
    if behind.n_units < FEWEST_UNITS:
        return behind, f"too few cells or hosts: {behind.n_units}; wanted {FEWEST_UNITS}"
    return behind, None
