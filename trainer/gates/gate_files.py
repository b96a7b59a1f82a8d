"""What a gates directory holds: gates.json with the evidence, gates.parquet under contract; each appears whole.

Layout of gates.json (no NaN: what cannot be said is null)::

    {"of": {"stamps_record": "…", "split": "train", "stamps": used, "usable": in the split, …},
     "counts": {"pass": 0, "fail": 0, "not supported": 0, "confounded": 0},
     "gates": [{every column of gates.parquet, "title": "…", "table": {"caption", "head", "rows"} or null,
                "drawings": [{"uri": "data:image/svg+xml;…", "alt": "…", "caption": "…"}]}]}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from schemas.contract_files import Provenance, read_table, write_table
from schemas.file_commit import commit_text
from schemas.gates import GATES
from schemas.locations import Location
from trainer.gates.gate import Gate, Table, Verdict
from trainer.gates.gate_figures import gate_drawings

PARQUET, JSON, PAGE = "gates.parquet", "gates.json", "gates.html"


def write_parquet(path: Location, gates: Sequence[Gate], provenance: Provenance) -> None:
    """The gates table."""
    write_table(path, pa.Table.from_pylist([row_of(gate) for gate in gates], GATES.arrow_schema()), GATES, provenance)


def write_json(path: Location, gates: Sequence[Gate], of: Mapping[str, Any]) -> None:
    """The gates with their evidence."""
    rows = [
        row_of(gate)
        | {"title": gate.asked.title, "table": _table(gate.evidence.table)}
        | {"drawings": [asdict(drawing) for drawing in gate_drawings(gate)]}
        for gate in gates
    ]
    counts = verdict_counts([gate.verdict.value for gate in gates])
    commit_text(path, json.dumps({"of": dict(of), "counts": counts, "gates": rows}, indent=1, allow_nan=False) + "\n")


def read_verdicts(directory: Location) -> list[tuple[str, str]]:
    """(gate, verdict) of a finished directory, in order."""
    table = read_table(directory / PARQUET, GATES, ("gate", "verdict"))
    return list(zip(table["gate"].to_pylist(), table["verdict"].to_pylist(), strict=True))


def verdict_counts(verdicts: Sequence[str]) -> dict[str, int]:
    """How many gates said what."""
    return {verdict.value: list(verdicts).count(verdict.value) for verdict in Verdict}


def row_of(gate: Gate) -> dict[str, Any]:
    """A gate as a row of the contract."""
    asked, interval, behind = gate.asked, gate.interval, gate.behind
    figures = (math.nan,) * 3 if interval is None else (interval.value, interval.low, interval.high)
    limits = (*asked.limits.harmless, *asked.limits.tolerated)
    names = ("value", "low", "high", "harmless_low", "harmless_high", "tolerated_low", "tolerated_high")
    numbers = {name: value if math.isfinite(value) else None for name, value in zip(names, (*figures, *limits), strict=True)}
    return {
        "gate": asked.name,
        "question": asked.question,
        "statistic": asked.statistic,
        "verdict": gate.verdict.value,
        "why": gate.why,
        **numbers,
        "reason": asked.limits.reason,
        "n_positive": behind.n_positive,
        "n_negative": behind.n_negative,
        "n_hosts": behind.n_hosts,
        "n_units": behind.n_units,
        "interval_unit": behind.unit,
    }


def _table(table: Table | None) -> dict[str, Any] | None:
    return (
        None if table is None else {"caption": table.caption, "head": list(table.head), "rows": [list(r) for r in table.rows]}
    )
