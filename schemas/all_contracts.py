"""Every contract by name, in the order of the flow; run as a module it prints the README's tables."""

from __future__ import annotations

from schemas.anchors import ANCHOR_INTEGRITY, ANCHORS
from schemas.candidates import CANDIDATES
from schemas.completeness import COMPLETENESS
from schemas.contract import Contract
from schemas.cutouts import CUTOUTS
from schemas.gates import GATES
from schemas.hosts import HOSTS
from schemas.scores import SCORES
from schemas.stamps import STAMP_INDEX, STAMPS
from schemas.stimuli import STIMULI
from schemas.tasks import TASKS

CONTRACTS: dict[str, Contract] = {
    contract.name: contract
    for contract in (
        HOSTS,
        TASKS,
        CUTOUTS,
        STAMPS,
        STAMP_INDEX,
        STIMULI,
        SCORES,
        COMPLETENESS,
        CANDIDATES,
        GATES,
        ANCHORS,
        ANCHOR_INTEGRITY,
    )
}


def markdown() -> str:
    """All contracts as Markdown, one section each."""
    return "\n\n".join(f"### {c.name}\n\n{c.doc}\n\n{c.markdown_table()}" for c in CONTRACTS.values())


if __name__ == "__main__":
    print(markdown())
