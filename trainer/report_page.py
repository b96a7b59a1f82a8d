"""From sections to one HTML file: templates of the package, escaping always on, nothing asked of the network."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from trainer.report_examples import Example, Shown
from trainer.report_inputs import ReportInputs
from trainer.report_sections import Section, all_sections, headline_cards

_BANNER_STAMPS = 8


def render_report(inputs: ReportInputs, examples: int) -> str:
    """The report as HTML text; the same inputs give the same text."""
    sections = all_sections(inputs, examples)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            recipe=str(inputs.record.get("recipe_name") or "unnamed recipe"),
            provenance=provenance(inputs),
            banner=_banner(sections),
            cards=headline_cards(inputs),
            sections=sections,
        )
    )


def environment() -> Environment:
    """Jinja with escaping on for every template, and undefined names an error."""
    return Environment(
        loader=FunctionLoader(lambda name: (files("trainer") / "templates" / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def provenance(inputs: ReportInputs) -> list[tuple[str, str]]:
    """What made this, as (name, value)."""
    record: dict[str, Any] = inputs.record
    named = [
        ("recipe", f"{record.get('recipe_hash') or 'none'}"),
        ("run seed", str(record.get("run_seed"))),
        ("code", str(record.get("code_version"))),
        ("stamps finished", str(record.get("finished_utc", "unknown")).replace("T", " ").replace("+00:00", " UTC")),
    ]
    return named + ([("checkpoint", inputs.checkpoint_hash)] if inputs.checkpoint_hash else [])


def _banner(sections: Sequence[Section]) -> list[Shown]:
    """Lenses of the gallery, brightest arcs first, as a strip over the title."""
    examples: list[Example] = next((s.content.get("examples", []) for s in sections if s.anchor == "gallery"), [])
    return [example.pictures[0] for example in examples[::-1]][:_BANNER_STAMPS]
