"""Gates on the hosts as the survey saw them: brightness of the centre by class, units of the pixels, place of the galaxy."""

from __future__ import annotations

import numpy as np

from schemas.survey import ZEROPOINT_MAG
from trainer.gates.class_gates import behind_of, words_of
from trainer.gates.class_scores import Chance
from trainer.gates.drawn_figures import median_interval, ratio_of_means
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
    too_few,
    unsupported,
    worst_of,
)
from trainer.gates.gated_stamps import GatedStamps, Rows
from trainer.gates.stamp_pass import Measured

CENTRAL = Question(
    "central_brightness",
    "Central brightness ratio",
    "How much brighter are the centres of lenses than those of others?",
    "mean flux within 8 px of the galaxy of lenses over that of others, band r",
    Limits(
        (0.85, 1.20),
        (0.75, 1.35),
        "Arcs of known lenses add a few to twenty per cent of their host's light, most of it within 8 px; the failed "
        "experiment had 1.64.",
    ),
)
UNITS = Question(
    "units",
    "Units",
    "Are the pixels nanomaggies on the scale of the catalogue?",
    "median over controls of the flux within 4.2 arcsec over the catalogue's flux, band r",
    Limits(
        (0.6, 1.4),
        (0.5, 1.6),
        "An aperture of 4.2 arcsec misses up to a third of a large elliptical and may hold a neighbour. Another zero point, "
        "counts, or magnitudes of a PSF aperture lie beyond.",
    ),
)
CENTRING = Question(
    "centring",
    "Centring",
    "Does the galaxy lie where the table says?",
    "median over controls of the centroid less the stated centre, in pixels; the worse axis",
    Limits((-0.1, 0.1), (-0.2, 0.2), "Corner and centre of a pixel are half a pixel apart; a centroid is good to 0.05."),
)


def host_gates(stamps: GatedStamps, measured: Measured, how: Chance) -> list[Gate]:
    """The gates of this room."""
    return [central_gate(stamps, measured, how), units_gate(stamps, measured, how), centring_gate(stamps, measured, how)]


def central_gate(stamps: GatedStamps, measured: Measured, how: Chance) -> Gate:
    """Means by class."""
    flux, rows = measured.features["central_flux"], measured.readable
    behind = behind_of(stamps, rows)
    why = too_few(behind.n_positive, behind.n_negative, behind.n_units)
    if why:
        return unsupported(CENTRAL, why, behind)
    lens = stamps.lens
    evidence = Evidence(
        {"lenses": _magnitudes(flux[rows & lens]), "others": _magnitudes(flux[rows & ~lens])},
        "r magnitude within 8 px",
        "Light within 2.1 arcsec of the galaxy, by class.",
    )
    return judged(CENTRAL, ratio_of_means(flux[rows], lens[rows], stamps.units(rows)[0], how), behind, evidence)


def units_gate(stamps: GatedStamps, measured: Measured, how: Chance) -> Gate:
    """Aperture against catalogue."""
    ratio = measured.features["aperture_flux"] / 10 ** (-0.4 * (stamps.columns["mag_raw_r"] - ZEROPOINT_MAG))
    rows = as_seen(stamps) & np.isfinite(ratio)
    behind, why = _hosts(stamps, rows)
    if why:
        return unsupported(UNITS, why, behind)
    evidence = Evidence({"others": ratio[rows]}, "aperture flux / catalogue flux (r)", "Hosts without added light.")
    return judged(UNITS, median_interval(ratio[rows], stamps.units(rows)[0], how), behind, evidence)


def centring_gate(stamps: GatedStamps, measured: Measured, how: Chance) -> Gate:
    """Centroid against the stated centre."""
    offset = measured.features["centroid"]
    stated = np.isfinite(stamps.columns["x_centre_pix"]) & np.isfinite(stamps.columns["y_centre_pix"])
    rows = as_seen(stamps) & stated & np.isfinite(offset).all(axis=1)
    behind, why = _hosts(stamps, rows)
    if why:
        return unsupported(CENTRING, why, behind)
    units, _ = stamps.units(rows)
    found = {axis: median_interval(offset[rows, n], units, how) for n, axis in enumerate("xy")}
    table = Table(
        "Median offset, pixels.", ("axis", "offset"), [(axis, words_of(interval)) for axis, interval in found.items()]
    )
    series = {f"{axis} offset": offset[rows, n] for n, axis in enumerate("xy")}
    caption = "Centroid of each host less the centre that the table states."
    return worst_of(CENTRING, found, behind, Evidence(series, "offset (pix)", caption, table))


def as_seen(stamps: GatedStamps) -> Rows:
    """Stamps without any added light: controls, or where there are none all negatives without injected light."""
    if stamps.control.any():
        return stamps.control
    return np.asarray(~stamps.lens & ~np.isfinite(stamps.columns["injected_mag_r"]))


def _hosts(stamps: GatedStamps, rows: Rows) -> tuple[Behind, str | None]:
    units, unit = stamps.units(rows)
    n = int(np.count_nonzero(rows))
    behind = Behind(0, n, len(np.unique(stamps.hosts[rows])), len(np.unique(units)), unit)
    if n < FEWEST_OF_A_CLASS:
        return behind, f"too few stamps without added light: {n}; wanted {FEWEST_OF_A_CLASS}"
    if behind.n_units < FEWEST_UNITS:
        return behind, f"too few cells or hosts: {behind.n_units}; wanted {FEWEST_UNITS}"
    return behind, None


def _magnitudes(flux: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    positive = flux[flux > 0]
    return np.asarray(ZEROPOINT_MAG - 2.5 * np.log10(positive))
