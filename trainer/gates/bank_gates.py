"""Gates on the source bank: are its galaxies as large as their catalogue says, and are they galaxies rather than noise?"""

from __future__ import annotations

import numpy as np

from trainer.gates.bank_templates import BankSample, Numbers
from trainer.gates.class_scores import Chance
from trainer.gates.drawn_figures import median_interval
from trainer.gates.gate import FEWEST_OF_A_CLASS, Behind, Evidence, Gate, Limits, Question, Table, judged, unsupported

MOST_TEMPLATES = 2000
"""Templates that are looked at: a median of so many is good to two per cent."""

BANK_SIZES = Question(
    "bank_sizes",
    "Sizes in the source bank",
    "Are the bank's galaxies as large on their pixels as their catalogue says?",
    "median half-light radius measured on the template over the catalogue's",
    Limits(
        (0.80, 1.25),
        (0.70, 1.40),
        "Segmented COSMOS galaxies have 0.98, drawn ones 1.03; noise that was rectified and counted as light makes a galaxy of "
        "0.3 arcsec one of 1.1.",
    ),
)
BANK_NOISE = Question(
    "bank_noise",
    "Noise in the source bank",
    "How much of a template's light is an even floor, as noise leaves it?",
    "median share of a template's flux in a floor of the level of its border",
    Limits(
        (-0.05, 0.10),
        (-0.10, 0.15),
        "Segmented COSMOS galaxies and drawn ones have none; of a galaxy with noise clipped at zero it is most of the light. "
        "Below zero the sky was taken off twice.",
    ),
)


def bank_gates(bank: BankSample | None, how: Chance) -> list[Gate]:
    """The gates of this room; without a bank neither says anything."""
    if bank is None:
        return [unsupported(asked, "no bank was given; wanted --bank") for asked in (BANK_SIZES, BANK_NOISE)]
    size = bank.half_light_arcsec / bank.catalogue_arcsec
    return [
        _median_gate(BANK_SIZES, size, how, "measured / catalogue half-light radius", _sizes_table(bank)),
        _median_gate(BANK_NOISE, bank.floor_share, how, "share of flux in an even floor", _sizes_table(bank)),
    ]


def _median_gate(asked: Question, values: Numbers, how: Chance, axis: str, table: Table) -> Gate:
    known = values[np.isfinite(values)]
    behind = Behind(n_units=len(known), unit="object")
    if len(known) < FEWEST_OF_A_CLASS:
        return unsupported(
            asked, f"too few templates of which this is known: {len(known)} of {len(values)}; wanted 100", behind
        )
    caption = f"{len(known)} templates of the bank."
    interval = median_interval(known, np.arange(len(known)), how)
    return judged(asked, interval, behind, Evidence({"templates": known}, axis, caption, table))


def _sizes_table(bank: BankSample) -> Table:
    rows = [
        ("half-light radius (arcsec)", *_quartiles(bank.half_light_arcsec)),
        ("catalogue's half-light radius (arcsec)", *_quartiles(bank.catalogue_arcsec)),
        ("half-light radius over that of an even square", *_quartiles(bank.of_even_square)),
        ("share of flux in an even floor", *_quartiles(bank.floor_share)),
    ]
    caption = f"{len(bank.floor_share):,} of {bank.templates:,} templates, at even steps through the bank."
    return Table(caption, ("of templates", "quarter below", "half below", "three quarters below"), rows)


def _quartiles(values: Numbers) -> tuple[str, ...]:
    known = values[np.isfinite(values)]
    if not len(known):
        return ("not known",) * 3
    return tuple(f"{value:.3f}" for value in np.quantile(known, (0.25, 0.5, 0.75)))
