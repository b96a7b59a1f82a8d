"""What a report reads: scores, metrics and logs that belong to the stamps, and one clear sentence for those that do not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.job_entry import InputError
from schemas.run_record import RunError
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.report_runs import CHECKPOINT, metrics, set_record, write_json, write_log, write_scores
from trainer.report_inputs import ReportPaths, read_inputs
from trainer.report_metrics import read_metrics, read_training_log


def test_logits_stand_in_the_order_of_the_index(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    scores = write_scores(stamps_directory, tmp_path / "scores", change=lambda rows: rows.reverse())
    inputs = read_inputs(ReportPaths(stamps_directory.stamps, scores=scores))
    assert inputs.logits is not None
    known = np.flatnonzero(np.isfinite(inputs.logits))
    assert len(known) == 44
    for row in known:
        n = int(inputs.value("task_id", int(row))[4:12])
        assert inputs.logits[row] == (n + 1 if inputs.lens[row] else -n - 1)
    assert inputs.checkpoint_hash == CHECKPOINT


def test_scores_of_another_run_are_refused(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    def another(rows: list[dict[str, Any]]) -> None:
        for row in rows[:7]:
            row["task_id"] = "f" + row["task_id"][1:]

    scores = write_scores(stamps_directory, tmp_path / "scores", change=another)
    with pytest.raises(InputError, match=r"scores 44 stamps, 7 of which are not in .*these are of another run"):
        read_inputs(ReportPaths(stamps_directory.stamps, scores=scores))


def test_scores_of_two_checkpoints_are_refused(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    scores = write_scores(stamps_directory, tmp_path / "scores", change=lambda rows: rows[0].update(checkpoint_hash="0" * 16))
    with pytest.raises(InputError, match="scores of 2 checkpoints"):
        read_inputs(ReportPaths(stamps_directory.stamps, scores=scores))


def test_empty_scores_are_refused(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    scores = write_scores(stamps_directory, tmp_path / "scores", change=lambda rows: rows.clear())
    with pytest.raises(InputError, match="holds no scores"):
        read_inputs(ReportPaths(stamps_directory.stamps, scores=scores))


def test_metrics_of_another_checkpoint_are_refused(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    scores = write_scores(stamps_directory, tmp_path / "scores")
    path = write_json(tmp_path / "metrics.json", metrics() | {"checkpoint_hash": "1" * 16})
    with pytest.raises(InputError, match="wanted scores and metrics of one checkpoint"):
        read_inputs(ReportPaths(stamps_directory.stamps, scores=scores, metrics=path))
    assert read_inputs(ReportPaths(stamps_directory.stamps, metrics=path)).checkpoint_hash == "1" * 16


def test_the_plan_of_another_run_is_refused(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    shutil.copytree(stamps_directory.plan, tmp_path / "plan")
    set_record(tmp_path / "plan", run_seed=8)
    with pytest.raises(InputError, match=r"has run_seed 8, .* has 7"):
        read_inputs(ReportPaths(stamps_directory.stamps, tmp_path / "plan"))


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        read_inputs(ReportPaths(tmp_path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not the metrics.json of dhs evaluate"),
        ("[]", "not the metrics.json of dhs evaluate"),
        ('{"splits": {"test": {"n_positive": 3}}}', "splits.test.n_negative: Field required"),
        ('{"splits": {"test": {"n_positive": "many", "n_negative": 1}}}', "splits.test.n_positive"),
        ('{"splits": {}}', "holds no split"),
    ],
)
def test_metrics_that_are_none_are_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(InputError, match=said):
        read_metrics(tmp_path / "metrics.json")


def test_a_lame_roc_is_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path / "metrics.json", metrics(roc={"fpr": [0.0, 1.0], "tpr": [1.0]}))
    with pytest.raises(InputError, match="2 false- and 1 true-positive rates"):
        read_metrics(path)


def test_the_test_split_is_shown_where_there_is_one(tmp_path: Path) -> None:
    split = metrics()["splits"]["test"]
    both = read_metrics(write_json(tmp_path / "both.json", {"splits": {"val": split, "test": split}}))
    only = read_metrics(write_json(tmp_path / "only.json", {"splits": {"val": split}}))
    assert both.shown()[0] == "test" and only.shown()[0] == "val"


def test_keys_of_a_later_evaluation_are_left_alone(tmp_path: Path) -> None:
    path = write_json(tmp_path / "metrics.json", metrics(brier=0.1) | {"completeness": {}})
    assert read_metrics(path).shown()[1].n_positive == 22


def test_a_log_gives_its_epochs_and_names_its_broken_line(tmp_path: Path) -> None:
    path = write_log(tmp_path / "log.jsonl")
    epochs = read_training_log(path)
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    assert epochs[0].val_auc is None and epochs[2].val_auc == pytest.approx(1 - 0.5 / 3)
    path.write_text(path.read_text() + "\n" + json.dumps({"train_loss": 1.0}) + "\n")
    with pytest.raises(InputError, match=r"line 5: epoch: Field required; wanted JSON with epoch"):
        read_training_log(path)
    path.write_text('{"epoch": 1')
    with pytest.raises(InputError, match="line 1"):
        read_training_log(path)
    path.write_text("\n")
    with pytest.raises(InputError, match="holds no epoch"):
        read_training_log(path)


def test_what_dhs_evaluate_writes_is_read(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from trainer import evaluate

    scores = write_scores(stamps_directory, tmp_path / "scores")
    evaluate.main(["--scores", str(scores), "--out", str(tmp_path / "metrics.json"), "--draws", "20"])
    name, split = read_metrics(tmp_path / "metrics.json").shown()
    assert name == "test" and split.n_positive == 22
    assert split.auc is not None and split.auc.value == pytest.approx(1.0)


def test_the_draws_of_lenses_alone_are_the_denominator(stamps_directory: StampsDirectory) -> None:
    for plan in (None, stamps_directory.plan):
        inputs = read_inputs(ReportPaths(stamps_directory.stamps, plan=plan))
        assert inputs.draws.num_rows == np.count_nonzero(inputs.lens)
        assert inputs.draws["n_drawn"].null_count == 0
