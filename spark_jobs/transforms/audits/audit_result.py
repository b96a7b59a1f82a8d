"""What an audit says: one line a check, the counts behind it, as a table for a person and as JSON for a program."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

EXAMPLES_SHOWN = 3
_FOUND_WIDTH = 100


class Verdict(StrEnum):
    """Outcome of one check."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "FAIL"
    BY_DESIGN = "by design"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Check:
    """One check: its name, what was found (figures included) and the verdict."""

    name: str
    found: str
    verdict: Verdict

    @staticmethod
    def of(name: str, problems: Sequence[str], clean: str) -> Check:
        """FAIL with the problems where there are any (the first few in full, the rest counted), else pass with ``clean``."""
        if not problems:
            return Check(name, clean, Verdict.PASS)
        rest = len(problems) - EXAMPLES_SHOWN
        more = [f"and {rest} more"] if rest > 0 else []
        return Check(name, "; ".join([*problems[:EXAMPLES_SHOWN], *more]), Verdict.FAIL)

    @staticmethod
    def skipped(name: str, why: str) -> Check:
        """A check that was not made, and why."""
        return Check(name, why, Verdict.NOT_CHECKED)


@dataclass(frozen=True)
class Audit:
    """All checks of one stamps directory, with its counts.

    ``rows``: one mapping a split and kind with ``made``, ``refused``, ``hosts``; ``refusals``: rows a reason (a row with two
    reasons counts under both).
    """

    stamps: str
    checks: list[Check]
    rows: list[dict[str, Any]] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)

    @property
    def breaches(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.verdict is Verdict.FAIL]

    def count(self, verdict: Verdict) -> int:
        """How many checks ended with a verdict."""
        return sum(check.verdict is verdict for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The audit as plain values."""
        checks = [{"name": c.name, "found": c.found, "verdict": c.verdict.value} for c in self.checks]
        verdict = (Verdict.FAIL if self.breaches else Verdict.PASS).value
        return {
            "stamps": self.stamps,
            "verdict": verdict,
            "checks": checks,
            "rows": self.rows,
            "refusals": self.refusals,
        }

    def as_text(self) -> str:
        """The audit as a table that a person reads in a terminal."""
        parts = [f"Audit of {self.stamps}", _checks_text(self.checks)]
        if self.rows:
            header = ("split", "kind", "made", "refused", "hosts")
            parts.append(_grid(header, [tuple(str(row[name]) for name in header) for row in self.rows]))
        if self.refusals:
            refused = [(str(count), reason) for reason, count in self.refusals.items()]
            parts.append(_grid(("rows", "refused because"), refused))
        return "\n\n".join(parts) + "\n"


def examples(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - EXAMPLES_SHOWN
    shown = ", ".join(names[:EXAMPLES_SHOWN])
    return f"{shown} and {rest} more" if rest > 0 else shown


def _checks_text(checks: Sequence[Check]) -> str:
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        found = textwrap.wrap(check.found, _FOUND_WIDTH) or [""]
        lines.append(f"  {check.verdict.value:<11}  {check.name:<{width}}  {found[0]}")
        lines += [" " * (17 + width) + line for line in found[1:]]
    return "\n".join(lines)


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[n]) for row in [header, *rows]) for n in range(len(header))]
    return "\n".join("  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)) for row in [header, *rows])
