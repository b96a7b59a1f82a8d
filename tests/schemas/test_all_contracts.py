"""The published list of contracts, and the README's tables that are made from it."""

from __future__ import annotations

import subprocess
import sys

from schemas.all_contracts import CONTRACTS, markdown
from tests.conftest import REPOSITORY

START, END = "<!-- contracts: start -->", "<!-- contracts: end -->"


def test_the_contracts_stand_in_the_order_of_the_flow_each_under_its_own_name() -> None:
    assert list(CONTRACTS) == [
        "hosts",
        "tasks",
        "cutouts",
        "stamps",
        "stamp_index",
        "stimuli",
        "scores",
        "completeness",
        "candidates",
        "gates",
        "anchors",
        "anchor_integrity",
    ]
    assert all(name == contract.name for name, contract in CONTRACTS.items())


def test_the_markdown_has_a_section_with_sentence_and_table_for_each_contract() -> None:
    sections = markdown().split("### ")[1:]
    for section, contract in zip(sections, CONTRACTS.values(), strict=True):
        title, _, rest = section.partition("\n\n")
        assert title == contract.name
        assert rest.strip() == f"{contract.doc}\n\n{contract.markdown_table()}"


def test_the_readme_shows_what_the_module_prints() -> None:
    lines = (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()
    assert (lines.count(START), lines.count(END)) == (1, 1), f"README.md: wanted one line {START} and one line {END}"
    shown = "\n".join(lines[lines.index(START) + 1 : lines.index(END)]).strip()
    command = [sys.executable, "-m", "schemas.all_contracts"]
    printed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert printed == markdown() + "\n"
    assert shown == printed.strip(), (
        "README.md's tables are old: put the output of python -m schemas.all_contracts between the marks"
    )
