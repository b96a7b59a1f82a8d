"""``dhs emr`` where no cloud is asked: no region, no boto3, and what a whole run would take on paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.job_entry import EXIT_DONE, InputError
from spark_jobs import emr
from tests.spark_jobs.emr_runs.emr_account import SETTINGS, WORDS


@pytest.mark.parametrize("words", [["status", "j-ABC"], ["status"], ["logs", "j-ABC"], ["cancel", "j-ABC"]])
def test_without_a_region_nothing_is_guessed(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    with pytest.raises(InputError, match="no region: wanted --region, for example eu-central-1, or 'region' in the settings"):
        emr.main(words)


def test_a_submission_without_a_region_or_settings_says_what_it_wants(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="settings say nothing for artifacts, environment, logs"):
        emr.main(["submit", "inject", *WORDS["inject"]])
    (tmp_path / "mine.yaml").write_text(SETTINGS.replace("region: eu-central-1", ""))
    with pytest.raises(InputError, match="no region: wanted --region"):
        emr.main(["submit", "inject", *WORDS["inject"], "--settings", str(tmp_path / "mine.yaml")])


def test_the_paper_run_is_printed_with_what_was_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert emr.main(["paper"]) == EXIT_DONE
    said = capsys.readouterr().out
    assert said.startswith("10648570 tasks on ") and "| inject |" in said and "First to saturate: " in said
    (tmp_path / "bench.txt").write_text("inject, local[2]: 9750 rows, 9000 made, in 1.00 s: 9750 rows/s\n")
    words = ["--tasks", "5000", "--bricks", "10", "--quantised", "--benchmark", str(tmp_path / "bench.txt")]
    assert emr.main(["paper", *words]) == EXIT_DONE
    assert capsys.readouterr().out.startswith("5000 tasks on 1773 hosts in 10 bricks, 1 shards; 35 x m5.2xlarge")
    with pytest.raises(InputError, match="tasks -1; wanted more than 0"):
        emr.main(["paper", "--tasks", "-1"])


def test_without_boto3_it_is_told_what_installs_it_and_the_paper_run_needs_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for words in (["status"], ["submit", "inject"], ["logs", "j-ABC"], ["cancel", "j-ABC"]):
        with pytest.raises(InputError, match=r"'boto3' is not installed here; try: pip install 'darkhaloscope\[spark,emr\]'"):
            emr.main(words)
    assert emr.main(["paper"]) == EXIT_DONE
