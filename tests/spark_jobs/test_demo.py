"""The demo: commands that a person could type, in an order that works, stopping where one fails, ending with a report."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.job_entry import EXIT_BREACH, InputError
from spark_jobs import demo
from spark_jobs.command_line import COMMANDS

FEWEST_STAMPS_A_BRICK = 100
COMMANDS_IN_ORDER = ["mock-sky", "select-hosts", "source-bank", "population", "plan", "cut-hosts", "inject"]
COMMANDS_IN_ORDER += ["audit", "gate-data", "train", "score", "evaluate", "report"]


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


@pytest.mark.slow
@pytest.mark.spark
def test_the_whole_flow_ends_with_stamps_a_network_better_than_chance_and_the_path_of_a_report(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "spark_jobs.command_line", "demo", "--out", str(tmp_path / "demo"), "--bricks", "12"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    report = Path(done.stdout.rstrip().splitlines()[-1])
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
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout.count("nothing to do") >= 6
