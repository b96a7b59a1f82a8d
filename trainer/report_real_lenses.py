"""What the section of real lenses shows: the share found in each stratum, what chance gives, every one with its picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.locations import location
from trainer.anchor_scores import (
    AnchorPaths,
    AnchorScores,
    Recall,
    ScoredAnchor,
    contaminants_called,
    recall_by_chance,
    recall_by_part,
    recall_by_stratum,
)
from trainer.gallery import Image, colour_picture, png_uri
from trainer.report_anchors import AnchorsShown
from trainer.report_examples import Example, Shown

ABSENT = (
    "No real lenses were given. dhs anchors, dhs cut-hosts, dhs check-anchors and dhs score --cutouts make what is needed; "
    "then --anchors, --anchor-cutouts, --integrity and --anchor-scores show it here."
)
MOST_PICTURES = 80
_WORDS = {"edge_on": "edge-on", "ground_imaging": "ground-based imaging", "space_imaging": "imaging from space"}


def anchors_content(shown: AnchorsShown) -> dict[str, Any]:
    """What the section's template needs: of a refused set the findings alone."""
    content: dict[str, Any] = {"standing": shown.standing, "cuts": [cut.name for cut in shown.cuts], "left_out": shown.left_out}
    scores = shown.scores
    if scores is None:
        return content
    every = [*scores.lenses, *(one for one in scores.anchors if one.label != 1)]
    pictured = _pictured(scores.lenses), _pictured([one for one in scores.anchors if one.label != 1])
    images = _images(shown.paths, [one.name for part in pictured for one in part])
    return content | {
        "n": len(scores.anchors),
        "tables": [(caption, _rows(records)) for caption, records in _tables(shown, scores) if records],
        "chance_asked": scores.random_sky is not None,
        "unscored": scores.unscored,
        "lenses": [_example(one, images[one.name]) for one in pictured[0]],
        "others": [_example(one, images[one.name]) for one in pictured[1]],
        "n_lenses": len(scores.lenses),
        "n_others": len(scores.anchors) - len(scores.lenses),
        "rows": [_listed(one) for one in every],
    }


def _tables(shown: AnchorsShown, scores: AnchorScores) -> list[tuple[str, list[Recall]]]:
    chance = recall_by_chance(scores, shown.cuts)
    return [
        ("Lenses found, by how they were discovered and by camera. Nothing is pooled.", recall_by_stratum(scores, shown.cuts)),
        ("The same lenses in other parts, each pooled over what its line says.", recall_by_part(scores, shown.cuts)),
        ("Contaminants called a lens, by class.", contaminants_called(scores, shown.cuts)),
        ("Random sky called a lens: what a list of wrong positions would give.", chance),
    ]


def _rows(records: Sequence[Recall]) -> list[dict[str, Any]]:
    """One line a group: its objects, and a figure a cut."""
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records:
        key = (record.by, record.group)
        pooled = f"pooled over {record.pooled_over}" if record.pooled_over else ""
        line = lines.setdefault(key, {"group": _group(record.group), "pooled": pooled, "n": record.n, "cells": []})
        share = record.share
        line["cells"].append(
            {
                "share": f"{record.found} of {record.n}",
                "interval": f"{share.low:.0%} to {share.high:.0%}".replace("%", "\u00a0%"),
            }
        )
    return list(lines.values())


def _group(group: str) -> str:
    return ", ".join(_words(part) for part in group.split(", "))


def _words(word: str) -> str:
    return _WORDS.get(word, word)


def _pictured(anchors: Sequence[ScoredAnchor]) -> list[ScoredAnchor]:
    """All, or of many the highest and the lowest scores."""
    half = MOST_PICTURES // 2
    return list(anchors) if len(anchors) <= MOST_PICTURES else [*anchors[:half], *anchors[-half:]]


def _images(paths: AnchorPaths, names: Sequence[str]) -> dict[str, Image]:
    from trainer.candidate_pictures import cutout_images  # brings torch, which a report without anchors does without

    return cutout_images(location(paths.cutouts), names) if names else {}


def _example(one: ScoredAnchor, image: Image) -> Example:
    facts = [("p", probability(one)), *([("θE", theta)] if (theta := _theta(one)) else []), ("found by", _words(one.discovery))]
    facts.append(("integrity", "✓ holds"))
    kind = "Real lens" if one.label == 1 else f"Contaminant ({_words(one.object_class)})"
    words = f"{kind} {one.name}, p {facts[0][1]}, {one.camera}: a galaxy stands at its place."
    label = "lens" if one.label == 1 else _words(one.object_class)
    return Example([Shown(png_uri(colour_picture(image)), words, f"{label}, {one.camera}")], facts, one.name)


def _listed(one: ScoredAnchor) -> tuple[str, ...]:
    found = _words(one.discovery)
    return one.name, _words(one.object_class), probability(one), f"{one.logit:.2f}", _theta(one), found, one.camera


def _theta(one: ScoredAnchor) -> str:
    return "" if one.theta_e_arcsec is None else f"{one.theta_e_arcsec:.2f}″"


def probability(one: ScoredAnchor) -> str:
    """p as text: a small one keeps its digits."""
    return f"{one.p:.1e}" if one.p < 0.001 else f"{one.p:.3f}"
