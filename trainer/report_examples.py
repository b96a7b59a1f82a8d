"""Which stamps a report shows, and what it says beside them: chosen by rule from the index, never by hand.

A row number is a position in the index; arrays are one element a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trainer.gallery import Image, colour_picture, difference_picture, png_uri, read_images
from trainer.report_inputs import ReportInputs

_FACTS = (
    ("θE", "theta_e_arcsec", "{:.2f}″"),
    ("arc S/N", "arc_snr", "{:.0f}"),
    ("host r", "mag_raw_r", "{:.2f}"),
    ("arc r", "injected_mag_r", "{:.2f}"),
    ("source r", "source_mag_r", "{:.2f}"),
)


@dataclass(frozen=True)
class Shown:
    """One picture: its data URI, its words for those who cannot see it, its short label."""

    uri: str
    alt: str
    label: str


@dataclass(frozen=True)
class Example:
    """Pictures that belong together, with (name, value) facts and the identity to look it up by."""

    pictures: list[Shown]
    facts: list[tuple[str, str]]
    task_id: str


def gallery_examples(inputs: ReportInputs, count: int) -> list[Example]:
    """Lenses at equal steps through the distribution of arc signal to noise, each beside its control and the arc alone."""
    rows = spread_rows(inputs, count)
    partners = partner_rows(inputs, rows)
    images = load_rows(inputs, [*rows, *partners.values()])
    found = []
    for row in rows:
        image = images[row]
        pictures = [_shown(image, "lens", _lens_words(inputs, row))]
        if row in partners:
            control = images[partners[row]]
            pictures.append(_shown(control, "its control", "The same host without the lensed source."))
            difference = difference_picture(image, control)
            pictures.append(Shown(png_uri(difference), "Lens minus control: the arc alone, stretched.", "arc alone, stretched"))
        found.append(Example(pictures, lens_facts(inputs, row), inputs.value("task_id", row)))
    return found


def spread_rows(inputs: ReportInputs, count: int) -> list[int]:
    """At most ``count`` made lenses, faint to bright in arc S/N, at equal steps of rank; unknown S/N ranks first.

    They come from the test split where it has any, so that a score shown beside them was not trained on.
    """
    usable = inputs.made & inputs.lens
    test = usable & inputs.equal("split", "test")
    rows = np.flatnonzero(test if test.any() else usable)
    ranked = rows[np.argsort(np.nan_to_num(inputs.numbers("arc_snr")[rows], nan=-1), kind="stable")]
    steps = np.linspace(0, len(ranked) - 1, min(count, len(ranked))).round().astype(np.int64)
    return [int(ranked[step]) for step in steps]


def partner_rows(inputs: ReportInputs, rows: Sequence[int]) -> dict[int, int]:
    """Row of the made control of each row's pair, where there is one."""
    pairs = {pair: row for row in rows if (pair := inputs.value("pair_id", row)) is not None}
    inside = pc.is_in(inputs.index["pair_id"], value_set=pa.array(list(pairs), pa.string()))
    candidates = np.flatnonzero(np.asarray(inside.to_numpy(), bool) & inputs.made & inputs.equal("kind", "control"))
    return {pairs[inputs.value("pair_id", int(row))]: int(row) for row in candidates}


def hard_examples(inputs: ReportInputs, split: str, count: int) -> tuple[list[Example], list[Example]]:
    """The highest-scoring negatives and the lowest-scoring positives of a split."""
    negatives, positives = hard_rows(inputs, split, count)
    images = load_rows(inputs, [*negatives, *positives])
    return _singles(inputs, negatives, images), _singles(inputs, positives, images)


def hard_rows(inputs: ReportInputs, split: str, count: int) -> tuple[list[int], list[int]]:
    """Rows of the highest-scoring negatives and the lowest-scoring positives of a split, most surprising first.

    A host stands once in each list: its controls share their pixels.
    """
    logits = scored(inputs, split)
    label = inputs.numbers("label")
    ordered = np.argsort(logits, kind="stable")
    ordered = ordered[np.isfinite(logits[ordered])]
    negatives = ordered[::-1][label[ordered[::-1]] == 0]
    positives = ordered[label[ordered] == 1]
    return _one_a_host(inputs, negatives, count), _one_a_host(inputs, positives, count)


def scored(inputs: ReportInputs, split: str) -> npt.NDArray[np.float64]:
    """Logits of one split's made rows, NaN elsewhere."""
    if inputs.logits is None:
        return np.full(inputs.index.num_rows, np.nan)
    return np.where(inputs.equal("split", split) & inputs.made, inputs.logits, np.nan)


def load_rows(inputs: ReportInputs, rows: Iterable[int]) -> dict[int, Image]:
    """Images by index row."""
    tasks = {row: str(inputs.value("task_id", row)) for row in rows}
    images = read_images(
        inputs.stamps, [(inputs.value("file", row), inputs.value("row", row), task) for row, task in tasks.items()]
    )
    return {row: images[task] for row, task in tasks.items()}


def lens_facts(inputs: ReportInputs, row: int) -> list[tuple[str, str]]:
    """What is known of a stamp, as (name, value); an unknown value is left out."""
    known = [
        ("p", probability(inputs, row)),
        *((name, _text(inputs.number(column, row), pattern)) for name, column, pattern in _FACTS),
    ]
    return [(name, value) for name, value in known if value]


def probability(inputs: ReportInputs, row: int) -> str:
    """Sigmoid of the logit as text; empty where the stamp was not scored."""
    if inputs.logits is None or not np.isfinite(inputs.logits[row]):
        return ""
    p = float(1 / (1 + np.exp(-inputs.logits[row])))
    return f"{p:.1e}" if p < 0.001 else f"{p:.3f}"


def _one_a_host(inputs: ReportInputs, rows: npt.NDArray[np.int64], count: int) -> list[int]:
    """The first ``count`` of the rows that are the first of their host."""
    kept: dict[str, int] = {}
    for row in rows:
        kept.setdefault(str(inputs.value("host_id", int(row))), int(row))
        if len(kept) == count:
            break
    return list(kept.values())


def _singles(inputs: ReportInputs, rows: Sequence[int], images: dict[int, Image]) -> list[Example]:
    found = []
    for row in rows:
        kind = str(inputs.value("kind", row))
        words = _lens_words(inputs, row) if inputs.lens[row] else f"Stamp of kind {kind}, p {probability(inputs, row)}."
        shown = _shown(images[row], kind, words)
        found.append(Example([shown], lens_facts(inputs, row), inputs.value("task_id", row)))
    return found


def _shown(image: Image, label: str, words: str) -> Shown:
    return Shown(png_uri(colour_picture(image)), words, label)


def _lens_words(inputs: ReportInputs, row: int) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in lens_facts(inputs, row))
    return f"Colour composite of a simulated lens: {facts or 'no parameters recorded'}."


def _text(value: float, pattern: str) -> str:
    return pattern.format(value) if np.isfinite(value) else ""
