"""Where the trainer's jobs read and write: every option takes ``s3://`` or says in one line that it does not."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

import pytest

from schemas.locations import S3Location, local_path, location
from tests.conftest import REPOSITORY

JOBS = sorted(path.stem for path in (REPOSITORY / "trainer").glob("*.py") if "def build_parser" in path.read_text("utf-8"))
OF_THIS_MACHINE = {
    ("adopt", "--stamps"),  # a folder of other people's files
    ("adopt", "--anchors"),  # the same, FITS
    ("fetch_stamps", "--to"),  # what is asked for is a copy on disk
}
OF_WORDS = {
    *("--activation", "--arc-snr", "--backbone", "--bands", "--combine", "--depth", "--device", "--kind", "--layer", "--split"),
    *("task", "directories"),  # an address is made of each directory where its run is looked for
    "--settings",  # a name that comes with the package, or a place
}
"""Options without a type: what they take stays the words that were typed."""


def options(job: str) -> list[argparse.Action]:
    parser: argparse.ArgumentParser = import_module(f"trainer.{job}").build_parser()
    return parser._actions


def test_all_jobs_are_looked_at() -> None:
    assert {"adopt", "anchors", "autopsy", "check_anchors", "completeness", "evaluate", "fetch_stamps"} < set(JOBS)
    assert {"gate_data", "gate_model", "report", "score", "select_candidates", "show", "train"} < set(JOBS)


@pytest.mark.parametrize("job", JOBS)
def test_no_option_makes_a_folder_of_an_address(job: str) -> None:
    for action in options(job):
        if action.type not in (None, int, float, local_path):
            assert isinstance(action.type("s3://bucket/place"), S3Location), (job, action.dest)  # type: ignore[operator]
        assert not isinstance(action.default, Path), (job, action.dest)


@pytest.mark.parametrize("job", JOBS)
def test_what_an_option_without_a_type_takes_is_known_to_be_no_place(job: str) -> None:
    untyped = [action for action in options(job) if action.type is None and action.nargs != 0]
    assert {(action.option_strings or [action.dest])[0] for action in untyped} <= OF_WORDS


@pytest.mark.parametrize("job", JOBS)
def test_only_what_is_of_this_machine_may_not_lie_in_s3(job: str) -> None:
    local = {(job, action.option_strings[0]) for action in options(job) if action.type is local_path}
    assert local == {option for option in OF_THIS_MACHINE if option[0] == job}
    assert any(action.type is location for action in options(job))
