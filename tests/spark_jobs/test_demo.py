"""The demo: commands that a person could type, in an order that works, stopping where one fails, ending with a report."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.job_entry import EXIT_BREACH, InputError
from spark_jobs import command_line, demo
from spark_jobs.command_line import COMMANDS

FEWEST_STAMPS_A_BRICK = 100
COMMANDS_IN_ORDER = ["mock-sky", "select-hosts", "source-bank", "population", "plan", "cut-hosts", "inject"]
COMMANDS_IN_ORDER += ["audit", "gate-data", "train", "score", "evaluate", "report"]
LEFT_ALONE = ["mock-sky", "select-hosts", "source-bank", "plan", "cut-hosts", "inject", "train", "score"]
EPOCHS = 2  # of the eight of the demo: enough to beat chance


def test_every_step_is_a_command_that_its_job_understands() -> None:
    steps = demo.demo_steps(Path("out"), 20, 1)
    assert [step.words[0] for step in steps] == COMMANDS_IN_ORDER
    for step in steps:
        module = importlib.import_module(COMMANDS[step.words[0]][0])
        module.build_parser().parse_args(step.words[1:])


@pytest.mark.parametrize(("failing", "step"), [("audit", 8), ("gate-data", 9)])
def test_it_stops_at_the_first_step_that_fails_with_its_exit_code(
    failing: str, step: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[str] = []

    def run(command: list[str], check: bool) -> Any:
        asked.append(command[3])
        return subprocess.CompletedProcess(command, EXIT_BREACH if command[3] == failing else 0)

    monkeypatch.setattr(demo.subprocess, "run", run)
    assert demo.main(["--out", str(tmp_path)]) == EXIT_BREACH
    assert asked == COMMANDS_IN_ORDER[: COMMANDS_IN_ORDER.index(failing) + 1]  # nothing is trained on stamps that fail
    assert f"step {step}, dhs {failing}, ended with exit code 1" in capsys.readouterr().err


def test_a_sky_too_small_for_three_splits_is_refused() -> None:
    with pytest.raises(InputError, match="--bricks 3; wanted 12 or more"):
        demo.main(["--bricks", "3"])


def smaller(steps: list[demo.Step]) -> list[demo.Step]:
    """The same commands, of which two ask for less: what a person's demo adds to them is more of the same."""
    less = {"population": ("--tasks", "2000"), "train": ("--epochs", str(EPOCHS))}
    return [replace(step, words=(*step.words, *less.get(step.words[0], ()))) for step in steps]


def left_alone(step: demo.Step) -> bool:
    """Whether the command fills a directory: pictures, checks and pages are made anew each time."""
    return step.words[0] in LEFT_ALONE


def in_this_process(command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
    """What a step's own process would do, without waiting for its imports once more."""
    assert command[:3] == [sys.executable, "-m", "spark_jobs.command_line"]
    return subprocess.CompletedProcess(command, command_line.main(command[3:]))


@pytest.mark.slow
@pytest.mark.spark
def test_the_whole_flow_ends_with_stamps_a_network_better_than_chance_and_the_path_of_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = demo.demo_steps
    monkeypatch.setattr(demo, "demo_steps", lambda *asked: smaller(whole(*asked)))
    command = ["--out", str(tmp_path / "demo"), "--bricks", "12"]
    code = demo.main(command)
    told, errors = capfd.readouterr()
    assert code == 0, told[-4000:] + errors[-4000:]
    report = Path(told.rstrip().splitlines()[-1])
    assert report.is_absolute()
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    counts = json.loads((report.parent / "stamps" / "_run.json").read_text())["counts"]
    assert counts["made"] + counts["refused"] == counts["rows"]
    assert counts["made"] > 12 * FEWEST_STAMPS_A_BRICK
    verdicts = json.loads((report.parent / "gates" / "gates.json").read_text())["counts"]
    assert verdicts["fail"] == 0
    assert verdicts["pass"] > 0
    auc = json.loads((report.parent / "metrics.json").read_text())["splits"]["test"]["auc"]
    assert auc["value"] > 0.5
    assert auc["low"] is None or auc["low"] > 0.5
    monkeypatch.setattr(demo.subprocess, "run", in_this_process)
    monkeypatch.setattr(demo, "demo_steps", lambda *asked: [step for step in smaller(whole(*asked)) if left_alone(step)])
    assert demo.main(command) == 0
    again = capfd.readouterr().out
    assert re.findall(r"^dhs ([\w-]+): .*nothing to do$", again, re.M) == LEFT_ALONE
