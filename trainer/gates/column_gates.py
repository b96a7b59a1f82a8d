"""Gates on the index: which columns are null for one class, and whether the hosts of the classes are one population."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from schemas.stamps import STAMP_INDEX
from trainer.gates.class_gates import behind_of, words_of
from trainer.gates.class_scores import Chance
from trainer.gates.drawn_figures import difference_of_shares, of_several, standardised_difference
from trainer.gates.gate import FEWEST_OF_A_CLASS, Evidence, Gate, Limits, Question, Table, too_few, unsupported, worst_of
from trainer.gates.gated_stamps import OFFERED, GatedStamps, Numbers, Rows

MISSING = Question(
    "missing_values",
    "Missing values",
    "Does the absence of a value, in a column that a real galaxy has too, tell lenses from others?",
    "share of lenses in which a column is null or not finite, less that of others; the worst column",
    Limits(
        (-0.01, 0.01),
        (-0.02, 0.02),
        "A null that marks one class is a label. One stamp in a hundred may lack a value by chance of the sky.",
    ),
)
POPULATION = Question(
    "host_population",
    "Host population",
    "Are the hosts of lenses and of others one population, in brightness, colour, size, seeing and depth?",
    "mean of lenses less mean of others in standard deviations; the worst quantity",
    Limits(
        (-0.1, 0.1),
        (-0.25, 0.25),
        "A quantity that differs by 0.1 standard deviations tells the class with an AUC of 0.53, by 0.25 with 0.57.",
    ),
)
_BANDS_APART = {"g - r": ("mag_raw_g", "mag_raw_r"), "r - z": ("mag_raw_r", "mag_raw_z")}
_COMPARED = tuple(
    name.format(band=band)
    for name in ("mag_raw_{band}", "psf_fwhm_{band}_arcsec", "psf_depth_{band}_mag", "sky_sigma_{band}_nmgy")
    for band in "grz"
)
_SHOWN = 12


def missing_gate(stamps: GatedStamps, readable: Rows) -> Gate:
    """Nulls by class, column by column; a stamp that cannot be read counts as one more column."""
    lens = stamps.lens
    behind = behind_of(stamps, np.ones(len(lens), bool))
    why = too_few(behind.n_positive, behind.n_negative, behind.n_hosts)
    if why:
        return unsupported(MISSING, why, behind)
    missing = {name: stamps.missing[name] for name in OFFERED} | {"pixels (unreadable)": ~readable}
    counts = {name: (int(rows[lens].sum()), int(rows[~lens].sum())) for name, rows in missing.items()}
    positive, negative = behind.n_positive, behind.n_negative
    found = {
        name: of_several(difference_of_shares(with_null, positive, others, negative), len(counts))
        for name, (with_null, others) in counts.items()
    }
    ranked = sorted(counts, key=lambda name: (-abs(found[name].value), -sum(counts[name]), name))[:_SHOWN]
    rows = [(name, f"{counts[name][0] / positive:.2%}", f"{counts[name][1] / negative:.2%}") for name in ranked]
    rows += _injected_rows(stamps)
    table = Table("Share of stamps without a value: the columns that differ most.", ("column", "lenses", "others"), rows)
    return worst_of(MISSING, found, behind, Evidence(table=table))


def population_gate(stamps: GatedStamps, sizes: Mapping[str, float] | None, how: Chance) -> Gate:
    """Standardised differences of what hosts have, ``sizes`` (arcsec by host) among them where a plan was given."""
    lens = stamps.lens
    behind = behind_of(stamps, np.ones(len(lens), bool))
    why = too_few(behind.n_positive, behind.n_negative, behind.n_units)
    if why:
        return unsupported(POPULATION, why, behind)
    quantities, left_out = {}, []
    for name, values in _quantities(stamps, sizes).items():
        known = np.isfinite(values)
        if min(np.count_nonzero(known & lens), np.count_nonzero(known & ~lens)) < FEWEST_OF_A_CLASS:
            left_out.append(name)
        else:
            quantities[name] = (values, known)
    if not quantities:
        return unsupported(POPULATION, f"no quantity is known of {FEWEST_OF_A_CLASS} lenses and as many others", behind)
    found = {
        name: of_several(standardised_difference(values[known], lens[known], stamps.units(known)[0], how), len(quantities))
        for name, (values, known) in quantities.items()
    }
    ranked = sorted(found, key=lambda name: (-abs(found[name].value), name))
    rows = [
        (
            name,
            *(f"{quantities[name][0][quantities[name][1] & part].mean():.4g}" for part in (lens, ~lens)),
            words_of(found[name]),
        )
        for name in ranked
    ]
    rows += [(name, "", "", "known of too few") for name in left_out]
    values, known = quantities[ranked[0]]
    evidence = Evidence(
        {"lenses": values[known & lens], "others": values[known & ~lens]},
        ranked[0],
        "The quantity that differs most, by class.",
        Table("Means, and their difference in standard deviations.", ("quantity", "lenses", "others", "difference"), rows),
    )
    return worst_of(POPULATION, found, behind, evidence)


def _quantities(stamps: GatedStamps, sizes: Mapping[str, float] | None) -> dict[str, Numbers]:
    found = {name: stamps.columns[name] for name in _COMPARED}
    found |= {name: stamps.columns[blue] - stamps.columns[red] for name, (blue, red) in _BANDS_APART.items()}
    if sizes is not None:
        found["half-light radius (arcsec)"] = np.array([sizes.get(host, np.nan) for host in stamps.hosts.tolist()])
    return found


def _injected_rows(stamps: GatedStamps) -> list[tuple[str, str, str]]:
    """How many columns that exist for injected light alone are labels by their nulls: allowed, since a reader refuses them."""
    lens = stamps.lens
    shares = [(stamps.missing[name][lens].mean(), stamps.missing[name][~lens].mean()) for name in STAMP_INDEX.injected_names]
    telling = sum(abs(lenses - others) > MISSING.limits.tolerated[1] for lenses, others in shares)
    return [(f"({telling} of {len(shares)} columns of injected light: refused as features, not judged)", "", "")]
