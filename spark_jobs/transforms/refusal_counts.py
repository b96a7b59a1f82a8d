"""How many rows of finished files may be used and how many are refused, by reason; read from the files, never summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from schemas.contract import Contract
from schemas.contract_files import read_table
from schemas.locations import Location, each_in_order
from schemas.refusal_reasons import names_of


@dataclass(frozen=True)
class RefusalCounts:
    """Rows without a reason, rows with one or more, and rows by name of reason (a row counts under each of its own)."""

    usable: int
    refused: int
    by_reason: dict[str, int]


def count_refusals(files: Sequence[Location], contract: Contract) -> RefusalCounts:
    """Counts over the ``reasons`` column of files under contract."""
    masks = reason_masks(files, contract)
    by_reason: Counter[str] = Counter()
    for mask, rows in masks.items():
        by_reason.update(dict.fromkeys(names_of(mask), rows))
    usable = masks.pop(0, 0)
    return RefusalCounts(usable, masks.total(), dict(sorted(by_reason.items())))


def reason_masks(files: Sequence[Location], contract: Contract) -> Counter[int]:
    """Rows of files under contract by the bit mask in their ``reasons`` column."""
    masks: Counter[int] = Counter()
    for table in each_in_order(partial(read_table, contract=contract, columns=("reasons",)), files):
        counted = table["reasons"].value_counts()
        masks.update({entry["values"]: entry["counts"] for entry in counted.to_pylist()})
    return masks


def refusals_text(counts: RefusalCounts) -> str:
    """The counts as a clause of a job's account."""
    named = ", ".join(f"{name} {rows}" for name, rows in counts.by_reason.items())
    return f"{counts.usable} usable, {counts.refused} refused" + (f" ({named})" if named else "")
