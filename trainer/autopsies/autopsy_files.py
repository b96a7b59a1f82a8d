"""What an autopsy leaves: autopsy.html for people, autopsy.json with every figure (what cannot be said is null), both whole.

Layout of autopsy.json::

    {"of": {"checkpoint": "…", "stamps_record": "…", …},
     "parts": {"recall": {"title", "absent": [], "tables": [{"caption", "head", "rows"}], "findings": [{"name", "label",
               "value", "low", "high", "n", "n_units", "interval_unit", "failed_experiment", "note"}]},
               "causes": {…, "verdicts": {"anchors/negatives": {"position": "supported", …, "told": "…"}}}, …}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.file_commit import commit_text
from schemas.locations import Location
from trainer.autopsies.findings import Part
from trainer.report_page import environment

PAGE, JSON = "autopsy.html", "autopsy.json"


def write_autopsy(out: Location, parts: Sequence[Part], facts: Mapping[str, str], of: Mapping[str, Any]) -> dict[Location, int]:
    """Write both files; answers with the rows in each, which are none. ``facts`` are for the page."""
    content = {"of": dict(of), "parts": {part.key: part.as_json() for part in parts}}
    commit_text(out / JSON, json.dumps(content, indent=1, allow_nan=False) + "\n")
    commit_text(out / PAGE, environment().get_template("autopsy.html.j2").render(parts=parts, facts=facts))
    return {out / JSON: 0, out / PAGE: 0}


def closing_line(out: Location) -> str:
    """What a finished directory says in a line: each cause that is supported, and whether recall was given."""
    parts = json.loads((out / JSON).read_text("utf-8"))["parts"]
    accepted = parts["recall"].get("accepted")
    recall = {True: "recall given", False: "no recall: the anchors were not accepted", None: "no anchors"}[accepted]
    supported = [
        f"{pair}: {', '.join(names)}"
        for pair, verdicts in parts["causes"]["verdicts"].items()
        if (names := [name for name, word in verdicts.items() if word == "supported"])
    ]
    return f"{recall}; brightness differs by {'; '.join(supported) or 'no cause that is supported'}; {out / PAGE}"
