"""Why two sets differ in brightness: units, processing, position or population, each by a written rule and with its reason.

The causes leave different traces. Other **units** scale the noise of the sky and the light alike, and part the pixels from the
catalogue. Other **processing** changes how alike neighbouring pixels are, or the level of the sky. A wrong **position** leaves
no galaxy in the middle and the sky as it is. Another **population** is fainter in the catalogue as well, by as much.
A cause is supported where a whole interval (95 %) lies outside what is harmless, and excluded where it lies inside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from schemas.survey import BANDS
from trainer.autopsies.cause_evidence import Evidence, Side, evidence
from trainer.autopsies.findings import Finding, Part, number
from trainer.autopsies.image_sets import LENSES
from trainer.autopsies.set_draws import Drawn
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Table
from trainer.intervals import Interval

HARMLESS_FACTOR, HARMLESS_MAG = (0.8, 1.25), (-0.25, 0.25)
HARMLESS_TEXTURE, HARMLESS_LEVEL, HARMLESS_MISSING = (-0.1, 0.1), (-0.25, 0.25), (-0.05, 0.05)
_FOLLOWS = 0.5
"""Share of the catalogue's change that the pixels must show: else the catalogue is wrong, not the galaxies other."""
_R = BANDS.index("r")
_TOLD = (
    "Light within 8 px of the middle in r, set against set, and what the pixels say of each cause why it may differ. "
    "Supported: the whole interval lies outside what is harmless (a factor of 0.8 to 1.25, 0.25 mag, a quarter of the noise, a "
    "likeness of neighbours of 0.1, 5 % without a galaxy). Excluded: all of it lies inside. Several causes may hold at once."
)


class Word(Enum):
    """What is said of a cause."""

    SUPPORTED = "supported"
    EXCLUDED = "excluded"
    OPEN = "cannot be said"


@dataclass(frozen=True)
class Said:
    """A cause, what is said of it, and how that is known."""

    cause: str
    word: Word
    why: str


def causes_part(sets: Sequence[Side], how: Chance) -> Part:
    """Any two of the sets; the later one is questioned, the earlier is what it is held against."""
    found: list[Finding] = []
    tables, verdicts = [], {}
    for one, other in combinations(reversed(list(sets)), 2):
        seen = evidence(one, other, how)
        said = causes_of(seen)
        told = conclusion(seen, said)
        found += _findings(seen)
        tables.append(Table(told, ("cause", "verdict", "how it is known"), [(s.cause, s.word.value, s.why) for s in said]))
        verdicts[f"{seen.one}/{seen.other}"] = {s.cause: s.word.value for s in said} | {"told": told}
    return Part("causes", "Why do they differ in brightness?", _TOLD, found, tables=tables, more={"verdicts": verdicts})


def causes_of(seen: Evidence) -> list[Said]:
    """The four causes, in this order: position, units, processing, population."""
    position, units, processing = _position(seen), _units(seen), _processing(seen)
    return [position, units, processing, _population(seen, (position, units, processing))]


def side_of(interval: Interval, harmless: tuple[float, float]) -> Word:
    """SUPPORTED outside what is harmless, EXCLUDED inside, else OPEN; a value that is not finite is OPEN."""
    if not all(map(math.isfinite, (interval.value, interval.low, interval.high))):
        return Word.OPEN
    if interval.high < harmless[0] or interval.low > harmless[1]:
        return Word.SUPPORTED
    return Word.EXCLUDED if harmless[0] <= interval.low and interval.high <= harmless[1] else Word.OPEN


def conclusion(seen: Evidence, said: Sequence[Said]) -> str:
    """One sentence or two: how they differ, and by what."""
    differ = side_of(seen.light.interval, HARMLESS_FACTOR)
    factor = _text(seen.light)
    head = {
        Word.SUPPORTED: f"{seen.one} hold {factor} times the light of {seen.other}.",
        Word.EXCLUDED: f"{seen.one} and {seen.other} are equally bright ({factor}).",
        Word.OPEN: f"Whether {seen.one} and {seen.other} differ in light cannot be said ({factor}).",
    }[differ]
    words = {word: [one.cause for one in said if one.word is word] for word in Word}
    parts = [f"{word.value}: {', '.join(names)}" for word, names in words.items() if names]
    if LENSES in (seen.one, seen.other):
        alone = differ is Word.SUPPORTED and len(words[Word.EXCLUDED]) == len(said)
        parts[-1] += ". What is left is their arcs" if alone else ". The light of lenses has their arcs in it"
    return f"{head[0].upper()}{head[1:]} {parts[0][0].upper()}{'; '.join(parts)[1:]}."


def _position(seen: Evidence) -> Said:
    word = side_of(seen.missing_galaxies.interval, HARMLESS_MISSING)
    shares = f"{_share(seen.centred)} of {seen.one}, {_share(seen.centred_of_other)} of {seen.other}"
    why = f"a galaxy stands within 1 arcsec of the middle of {shares}"
    return Said("position", word, why)


def _units(seen: Evidence) -> Said:
    noise = [side_of(one.interval, HARMLESS_FACTOR) for one in seen.noise]
    measure = "noise, held against the stated depths," if seen.depths_known else "noise (a depth is not stated)"
    why = f"{measure} differs by factors of {_bands(seen.noise)}"
    if all(word is Word.EXCLUDED for word in noise):
        return Said("units", Word.EXCLUDED, f"{why}: other units would scale it")
    if math.isfinite(seen.photometry.value):
        apart = side_of(seen.photometry.interval, HARMLESS_MAG)
        why = f"{why}; aperture less catalogue changes by {_text(seen.photometry)} mag"
        if apart is Word.EXCLUDED:
            return Said("units", Word.EXCLUDED, f"{why}: pixels and catalogue agree alike in both")
        agree = apart is Word.SUPPORTED and noise[_R] is Word.SUPPORTED and _same_way(seen)
        return Said("units", Word.SUPPORTED if agree else Word.OPEN, why)
    textured = any(side_of(one.interval, HARMLESS_TEXTURE) is not Word.EXCLUDED for one in seen.texture)
    supported = seen.depths_known and not textured and all(word is Word.SUPPORTED for word in noise)
    return Said(
        "units", Word.SUPPORTED if supported else Word.OPEN, f"{why}; no catalogue magnitude with a galaxy to hold it against"
    )


def _same_way(seen: Evidence) -> bool:
    """Whether light became brighter against the catalogue where noise became larger."""
    return (seen.photometry.value < 0) == (seen.noise[_R].value > 1)


def _processing(seen: Evidence) -> Said:
    texture = [side_of(one.interval, HARMLESS_TEXTURE) for one in seen.texture]
    level = [side_of(one.interval, HARMLESS_LEVEL) for one in seen.level]
    why = f"likeness of neighbours changes by {_bands(seen.texture)}, the level of the sky by {_bands(seen.level)} of its noise"
    if Word.SUPPORTED in (*texture, *level):
        return Said("processing", Word.SUPPORTED, why)
    return Said("processing", Word.OPEN if Word.OPEN in (*texture, *level) else Word.EXCLUDED, why)


def _population(seen: Evidence, others: Sequence[Said]) -> Said:
    pixels = side_of(seen.aperture.interval, HARMLESS_MAG)
    if not math.isfinite(seen.aperture.value):
        return Said("population", Word.OPEN, f"fewer than five galaxies in the middle of {seen.one} or {seen.other}")
    why = f"galaxies in the middle differ by {_text(seen.aperture)} mag"
    if math.isfinite(seen.catalogue.value):
        listed = side_of(seen.catalogue.interval, HARMLESS_MAG)
        why = f"{why}, in the catalogue by {_text(seen.catalogue)} mag"
        if listed is not Word.SUPPORTED:
            return Said("population", listed, why)
        rescaled = others[1].word is Word.SUPPORTED  # then the pixels' magnitudes are not the galaxies'
        follow = rescaled or seen.aperture.value / seen.catalogue.value > _FOLLOWS
        return Said("population", Word.SUPPORTED if follow else Word.OPEN, why)
    if pixels is Word.SUPPORTED and all(one.word is Word.EXCLUDED for one in others[1:]):
        return Said("population", Word.SUPPORTED, f"{why}; no catalogue magnitude is known, units and processing are excluded")
    return Said("population", pixels if pixels is Word.EXCLUDED else Word.OPEN, f"{why}; no catalogue magnitude is known")


def _findings(seen: Evidence) -> list[Finding]:
    pair, words = f"{seen.one}/{seen.other}", f"{seen.one} over {seen.other}"
    less = f"{seen.one} less {seen.other}"
    found = [
        seen.light.finding(f"{pair}.light", f"{words}: light within 8 px, r"),
        seen.light_of_galaxies.finding(f"{pair}.light_of_galaxies", f"{words}: the same where a galaxy is in the middle"),
        seen.missing_galaxies.finding(f"{pair}.centred", f"{less}: share with a galaxy in the middle"),
        seen.catalogue.finding(f"{pair}.catalogue", f"{less}: catalogued r (mag)"),
        seen.aperture.finding(f"{pair}.aperture", f"{less}: r within 16 px (mag)"),
        seen.photometry.finding(f"{pair}.photometry", f"{less}: aperture less catalogue, r (mag)"),
    ]
    for n, band in enumerate(BANDS):
        noise = f"{words}: noise of a pixel{', over that of the stated depth' if seen.depths_known else ''}, {band}"
        found.append(seen.noise[n].finding(f"{pair}.noise.{band}", noise))
        found.append(seen.texture[n].finding(f"{pair}.texture.{band}", f"{less}: likeness of neighbours, {band}"))
        found.append(seen.level[n].finding(f"{pair}.level.{band}", f"{less}: level of the sky over its noise, {band}"))
    return found


def _text(one: Drawn) -> str:
    return one.finding("", "").text


def _share(one: Drawn) -> str:
    return f"{one.value:.0%}" if math.isfinite(one.value) else "none"


def _bands(ones: Sequence[Drawn]) -> str:
    return ", ".join(f"{number(one.value)} ({band})" for band, one in zip(BANDS, ones, strict=True))
