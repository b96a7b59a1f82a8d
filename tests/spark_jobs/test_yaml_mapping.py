"""YAML as people write it, and as nobody should."""

from __future__ import annotations

import pytest

from schemas.job_entry import InputError
from spark_jobs.yaml_mapping import read_mapping


def test_a_mapping_is_read_as_it_stands() -> None:
    assert read_mapping("a: 1\nb: {c: [x, 2.5]}\n", "mine") == {"a": 1, "b": {"c": ["x", 2.5]}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", "mine is not YAML: key 'a' stands twice"),
        ("a: {b: 1, b: 2}\n", "mine is not YAML: key 'b' stands twice"),
        ("a: &x 1\nb: *x\n", r"mine uses YAML aliases \(\*name\)"),
        ("day: 2020-13-45\n", "mine is not YAML: month must be in 1..12"),
        ("a: !!python/object/apply:os.getcwd []\n", "mine is not YAML: could not determine a constructor"),
        ("- a\n- b\n", "mine holds list; wanted a mapping of entries"),
    ],
    ids=["twice", "twice below", "alias", "no such day", "python object", "list"],
)
def test_what_cannot_be_meant_is_refused(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_mapping(text, "mine")
