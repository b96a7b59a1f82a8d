"""The sections of a report: each is a title, the template that lays it out, and its content, or the reason why it is empty.

A section of a later kind is one more function here or elsewhere, and one more template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.refusal_reasons import MEANINGS, Reason, names_of
from schemas.split_rule import SPLITS
from schemas.survey import BANDS
from trainer import report_completeness, report_gates, report_real_lenses
from trainer.figures_canvas import BAND_COLOURS, CONTROL_COLOUR, LENS_COLOUR, Drawing
from trainer.figures_population import draws_figure, histogram, psf_histogram
from trainer.figures_scores import score_histogram, training_figure
from trainer.gates.gate import Verdict
from trainer.report_examples import gallery_examples, hard_examples, scored
from trainer.report_inputs import FloatArray, ReportInputs, column_numbers
from trainer.report_scores import estimate_words, is_card_rate, rate_row, scores_content, scores_figures

_REFUSED_BECAUSE = {
    "n_refused_redshift": "redshift",
    "n_refused_theta_e": "Einstein radius",
    "n_refused_images": "single image",
    "n_refused_magnification": "magnification",
    "n_refused_snr": "arc S/N",
    "n_refused_weight": "weighting",
}


@dataclass(frozen=True)
class Section:
    """``template`` lays out ``content``; where ``absent`` says why there is none, that sentence stands instead."""

    anchor: str
    title: str
    template: str
    content: Mapping[str, Any] = field(default_factory=dict)
    absent: str = ""


@dataclass(frozen=True)
class Card:
    """One headline figure: what it is, the figure, what stands behind it."""

    title: str
    figure: str
    detail: str
    measured: bool = True


def all_sections(inputs: ReportInputs, examples: int) -> list[Section]:
    """Every section in the order in which a person should meet it."""
    return [
        gallery_section(inputs, examples),
        population_section(inputs),
        counts_section(inputs),
        scores_section(inputs),
        training_section(inputs),
        hard_section(inputs, examples),
        anchors_section(inputs),
        gates_section(inputs),
        completeness_section(inputs),
        Section("reading", "How to read this", "section_reading.html.j2", {"prevalence": training_prevalence(inputs)}),
        Section("limits", "What this report does not show", "section_limits.html.j2", _limits(inputs)),
    ]


def headline_cards(inputs: ReportInputs) -> list[Card]:
    """The figures that a person looks for first."""
    made, lens = inputs.made, inputs.lens
    refused = int((~made).sum())
    total = len(made)
    cards = [Card("Stamps made", f"{int(made.sum()):,}", f"{refused:,} of {total:,} tasks refused, each with its reason")]
    for name in SPLITS:
        here = made & inputs.equal("split", name)
        if here.any():
            text = f"{int((here & lens).sum()):,} / {int((here & ~lens).sum()):,}"
            cards.append(Card(f"Lenses / others, {name}", text, f"{inputs.distinct('host_id', here):,} host galaxies"))
    return cards + _score_cards(inputs) + _gate_cards(inputs)


def gallery_section(inputs: ReportInputs, examples: int) -> Section:
    """Lenses beside their controls and the arcs alone."""
    found = gallery_examples(inputs, examples)
    absent = "" if found else "No lens was made: every task was refused, or the run holds controls only."
    paired = any(len(example.pictures) > 1 for example in found)
    return Section("gallery", "Gallery", "section_gallery.html.j2", {"examples": found, "paired": paired}, absent)


def population_section(inputs: ReportInputs) -> Section:
    """Distributions of what was made."""
    figures = [figure for figure in _population_figures(inputs) if figure is not None]
    absent = "" if figures else "No stamp was made, so there is no distribution to show."
    return Section("population", "What was made", "section_figures.html.j2", {"figures": figures}, absent)


def _population_figures(inputs: ReportInputs) -> list[Drawing | None]:
    lens, other = inputs.made & inputs.lens, inputs.made & ~inputs.lens

    def of(name: str, rows: npt.NDArray[np.bool_] = lens) -> FloatArray:
        return inputs.numbers(name)[rows]

    host_by_class = {"lenses": of("mag_raw_r"), "others": of("mag_raw_r", other)}
    by_band = {band: of(f"psf_fwhm_{band}_arcsec", inputs.made) for band in BANDS}
    redshifts = {"lens galaxy": of("z_lens"), "source": of("z_source")}
    two = (CONTROL_COLOUR, BAND_COLOURS["z"])
    return [
        histogram({"lenses": of("theta_e_arcsec")}, "Einstein radius θE (arcsec)", "Einstein radii of the lenses made."),
        histogram(
            {"lenses": of("arc_snr")},
            "arc S/N (matched filter, r)",
            "Signal to noise of the arcs, white noise assumed.",
            log=True,
        ),
        histogram(
            {"arc as observed": of("injected_mag_r"), "source unlensed": of("source_mag_r")},
            "r magnitude (AB)",
            "Light of the arcs and of the sources before lensing. Real arcs have r of about 20 to 23, real sources 23 to 26.",
            colours=(LENS_COLOUR, BAND_COLOURS["z"]),
        ),
        histogram(host_by_class, "host r magnitude (AB)", "Hosts by class: a difference here is one that a network can use."),
        psf_histogram(by_band),
        histogram(redshifts, "redshift", "Redshifts of lens galaxies and sources.", colours=two),
        histogram({"lenses": of("magnification")}, "magnification", "Light of the arc over the source's own light.", log=True),
        histogram(
            {"lenses": of("theta_e_over_fwhm")},
            "θE / PSF FWHM (r)",
            "Below about 1 the arc melts into its host; above 1.5 it can be told from the core.",
        ),
        histogram(
            {"lenses": of("arc_to_host_flux")},
            "arc flux / host flux (r)",
            "Arc over host. The failed experiment had 0.3 to 3.2 here: arcs as bright as their hosts.",
            log=True,
        ),
    ]


def counts_section(inputs: ReportInputs) -> Section:
    """Rows by split and kind, refusals by reason, and the draws behind the plan."""
    refused = {label: int(np.nansum(column_numbers(inputs.draws, name))) for name, label in _REFUSED_BECAUSE.items()}
    drawn = int(np.nansum(column_numbers(inputs.draws, "n_drawn")))
    accepted = max(drawn - sum(refused.values()), 0)
    content = {
        "rows": _rows_by_split(inputs),
        "reasons": _reasons(inputs),
        "planned": inputs.tasks_planned,
        "standing": inputs.index.num_rows,
        "drawn": drawn,
        "outcomes": [*((f"refused: {label}", n) for label, n in refused.items()), ("accepted", accepted)],
        "figure": draws_figure(refused, accepted) if drawn else None,
    }
    return Section("counts", "Counts and refusals", "section_counts.html.j2", content)


def scores_section(inputs: ReportInputs) -> Section:
    """Rates, calibration and score histogram on the split that the report leads with."""
    if inputs.metrics is None and inputs.logits is None:
        return Section("scores", "Scores", "section_scores.html.j2", absent="No scores and no metrics.json were given.")
    split = shown_split(inputs)
    figures: list[Drawing | None] = []
    content: dict[str, Any] = {"split": split, "auc": "", "missing": ""}
    if inputs.metrics is not None:
        content |= scores_content(inputs.metrics)
        figures += scores_figures(inputs.metrics)
    else:
        content["missing"] = "No metrics.json was given, so there is no ROC and no rate."
    if inputs.logits is not None:
        logits = scored(inputs, split)
        known = np.isfinite(logits)
        figures.insert(1, score_histogram(logits[known & inputs.lens], logits[known & ~inputs.lens], split))
    else:
        content["missing"] = "No scores were given, so there is no histogram of scores."
    return Section("scores", "Scores", "section_scores.html.j2", content | {"figures": [f for f in figures if f]})


def training_section(inputs: ReportInputs) -> Section:
    """The training curve."""
    if inputs.epochs is None:
        return Section("training", "Training", "section_figures.html.j2", absent="No training log was given.")
    return Section("training", "Training", "section_figures.html.j2", {"figures": [training_figure(inputs.epochs)]})


def hard_section(inputs: ReportInputs, examples: int) -> Section:
    """Highest-scoring negatives and lowest-scoring positives with pictures."""
    title = "Where it is most wrong"
    if inputs.logits is None:
        return Section("hard", title, "section_hard.html.j2", absent="No scores were given.")
    split = shown_split(inputs)
    negatives, positives = hard_examples(inputs, split, examples)
    return Section("hard", title, "section_hard.html.j2", {"negatives": negatives, "positives": positives, "split": split})


def anchors_section(inputs: ReportInputs) -> Section:
    """Real lenses: the share found in each stratum, and every one with its picture."""
    title, template = "Real lenses", "section_anchors.html.j2"
    if inputs.anchors is None:
        return Section("anchors", title, template, absent=report_real_lenses.ABSENT)
    return Section("anchors", title, template, report_real_lenses.anchors_content(inputs.anchors))


def gates_section(inputs: ReportInputs) -> Section:
    """What would make a network learn something other than lensing, and whether it did."""
    content = report_gates.gates_content(inputs.gates)
    return Section("gates", "Gates", "section_gates.html.j2", content, "" if inputs.gates else report_gates.ABSENT)


def completeness_section(inputs: ReportInputs) -> Section:
    """The share of lenses found over what decides it."""
    title, template = "Completeness", "section_completeness.html.j2"
    if inputs.completeness is None:
        return Section("completeness", title, template, absent=report_completeness.ABSENT)
    content = report_completeness.completeness_content(inputs.completeness)
    refused = sum(int(np.nansum(column_numbers(inputs.draws, name))) for name in _REFUSED_BECAUSE)
    return Section("completeness", title, template, content | {"refused": refused})


def shown_split(inputs: ReportInputs) -> str:
    """Test where it was scored, else val, else train."""
    if inputs.logits is None:
        return inputs.metrics.shown()[0] if inputs.metrics else "test"
    known = np.isfinite(inputs.logits)
    return next((name for name in SPLITS[::-1] if (known & inputs.equal("split", name)).any()), "test")


def training_prevalence(inputs: ReportInputs) -> str:
    """Share of lenses among the training stamps, as text: what p means depends on it."""
    train = inputs.made & inputs.equal("split", "train")
    return f"{100 * (inputs.lens & train).sum() / train.sum():.0f}\u00a0%" if train.any() else ""


def _score_cards(inputs: ReportInputs) -> list[Card]:
    if inputs.metrics is None:
        return [Card("AUC", "not measured", "no metrics.json was given", measured=False)]
    name, metrics = inputs.metrics.shown()
    figure, detail = estimate_words(metrics.auc, metrics.why or "no reason was given")
    behind = f"{detail}; {name} split, {metrics.n_positive:,} lenses, {metrics.n_negative:,} others"
    cards = [Card("AUC", figure, behind, measured=metrics.auc is not None)]
    for point in metrics.tpr_at_fpr:
        if is_card_rate(point.fpr):
            row = rate_row(point)
            cards.append(Card("Lenses found at FPR 1\u00a0%", row["tpr"], row["interval"], measured=row["supported"]))
    return cards


def _gate_cards(inputs: ReportInputs) -> list[Card]:
    cards = []
    for run in inputs.gates:
        failed = [gate.title for gate in run.gates if gate.verdict is Verdict.FAIL]
        detail = "failed: " + "; ".join(failed) if failed else "none fails: see which say nothing"
        cards.append(Card(f"Gates failed, {run.title.lower()}", f"{len(failed)} of {len(run.gates)}", detail))
    return cards


def _limits(inputs: ReportInputs) -> dict[str, bool]:
    """Which of the questions this report has an answer to."""
    anchors = inputs.anchors is not None and inputs.anchors.scores is not None
    return {"anchors": anchors, "gates": bool(inputs.gates), "completeness": inputs.completeness is not None}


def _rows_by_split(inputs: ReportInputs) -> list[dict[str, Any]]:
    order = {name: place for place, name in enumerate(SPLITS)}
    groups = inputs.index.group_by(["split", "kind"]).aggregate([]).to_pylist()
    groups.sort(key=lambda group: (order.get(group["split"], len(order)), group["kind"] != "lens", group["kind"]))
    rows = []
    for group in groups:
        here = inputs.equal("split", group["split"]) & inputs.equal("kind", group["kind"])
        counts = {"made": int((here & inputs.made).sum()), "refused": int((here & ~inputs.made).sum())}
        rows.append({**group, **counts, "hosts": inputs.distinct("host_id", here)})
    return rows


def _reasons(inputs: ReportInputs) -> Sequence[tuple[str, str, int]]:
    """Name, meaning and rows of each reason for a refusal, the commonest first."""
    reasons, rows = np.unique(inputs.index["reasons"].to_numpy(), return_counts=True)
    counts: dict[str, int] = {}
    for value, n in zip(reasons.tolist(), rows.tolist(), strict=True):
        for name in names_of(value):
            counts[name] = counts.get(name, 0) + n
    meanings = {reason.name: text for reason, text in MEANINGS.items() if isinstance(reason, Reason)}
    return [(name, meanings.get(name, "unknown"), n) for name, n in sorted(counts.items(), key=lambda item: -item[1])]
