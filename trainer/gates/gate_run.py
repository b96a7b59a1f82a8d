"""How a job of gates ends, whichever it is: three files written whole, one line of account, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.contract_files import Provenance
from schemas.file_commit import commit_text
from schemas.job_entry import EXIT_BREACH, EXIT_DONE, account
from schemas.locations import Location
from trainer.gates.gate import Gate, Verdict
from trainer.gates.gate_files import JSON, PAGE, PARQUET, read_verdicts, verdict_counts, write_json, write_parquet
from trainer.gates.gates_page import Heading, render_page


def write_all(
    out: Location,
    gates: Sequence[Gate],
    heading: Heading,
    facts: Mapping[str, str],
    of: Mapping[str, Any],
    provenance: Provenance,
) -> dict[Location, int]:
    """Write gates.json, gates.html and gates.parquet; answers with the rows in each. ``facts`` are for the page."""
    write_json(out / JSON, gates, of)
    commit_text(out / PAGE, render_page(gates, facts, heading))
    write_parquet(out / PARQUET, gates, provenance)
    return {out / JSON: 0, out / PAGE: 0, out / PARQUET: len(gates)}


def close_gates(job: str, out: Location) -> int:
    """Say what a finished directory holds; 1 where a gate failed."""
    verdicts = read_verdicts(out)
    counts = verdict_counts([verdict for _, verdict in verdicts])
    failed = [gate for gate, verdict in verdicts if verdict == Verdict.FAIL.value]
    words = ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n)
    named = f" (failed: {', '.join(failed)})" if failed else ""
    account(job, f"{len(verdicts)} gates: {words}{named}; {out / PAGE}")
    return EXIT_BREACH if failed else EXIT_DONE
