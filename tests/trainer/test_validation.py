"""What is measured between two epochs, which epoch is the best, when to give up, and what is written of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.job_entry import InputError
from schemas.run_record import read_run
from tests.trainer.tiny_training import small_stamps, train_tiny, write_settings
from trainer.checkpoint import Progress
from trainer.metrics import rate_at_fpr
from trainer.train_settings import settings_from
from trainer.training_log import TrainingLog
from trainer.training_loop import done
from trainer.validation import judge


def log_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def with_optimisation(folder: Path, more: str, epochs: int = 6) -> Path:
    settings = write_settings(folder, epochs=epochs)
    settings.write_text(settings.read_text().replace("warmup_epochs", f"{more}, warmup_epochs"))
    return settings


def test_the_rate_at_a_false_positive_rate_never_splits_a_tie() -> None:
    scores = np.array([3.0, 2.0, 2.0, 1.0, 0.0, 0.0])
    labels = np.array([1, 1, 0, 1, 0, 0])
    assert rate_at_fpr(scores, labels, 0.3) == pytest.approx(1 / 3)  # a negative stands beside the second lens
    assert rate_at_fpr(scores, labels, 1 / 3) == 1.0
    assert rate_at_fpr(scores, labels, 0.0) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("best_by", "values", "best"),
    [
        ("val_auc", [0.8, 0.9, 0.9, 0.85], 2),
        ("val_loss", [0.5, 0.4, 0.45, 0.4], 2),
        ("val_tpr_at_fpr_0.01", [0.0, 0.1, 0.3, 0.3], 3),
    ],
)
def test_the_best_epoch_is_the_first_of_the_best(best_by: Any, values: list[float], best: int) -> None:
    progress = Progress(0, None, None)
    for epoch, value in enumerate(values):
        progress, better = judge(progress, epoch, {best_by: value}, best_by)
        assert better == (progress.best_epoch == epoch + 1)
    assert (progress.best_epoch, progress.epochs_done) == (best, 4)
    with pytest.raises(InputError, match=rf"{best_by} is undefined: the validation split has one class only"):
        judge(progress, 4, {best_by: None}, best_by)


def test_training_ends_when_nothing_was_better_for_as_long_as_its_patience() -> None:
    settings = settings_from({"optimisation": {"epochs": 10, "patience": 3}}, "of a test")
    assert not done(Progress(0, None, None), settings)
    assert [done(Progress(epochs, 4, 0.9), settings) for epochs in (4, 5, 6, 7, 8)] == [False, False, False, True, True]
    assert done(Progress(10, 10, 0.9), settings)
    patient = settings_from({"optimisation": {"epochs": 10}}, "of a test")
    assert not done(Progress(9, 1, 0.9), patient)


def test_a_run_that_gave_up_is_finished_and_its_log_ends_there(tmp_path: Path) -> None:
    stamps = small_stamps(tmp_path / "data", ring=0.0).stamps
    settings = with_optimisation(tmp_path, "patience: 1, best_by: val_loss", epochs=40)
    settings.write_text(settings.read_text().replace("learning_rate: 0.002", "learning_rate: 0.05"))
    assert train_tiny(stamps, tmp_path / "out", settings) == 0
    lines = log_of(tmp_path / "out")
    assert len(lines) < 40 and [line["best"] for line in lines[-2:]] == [True, False]
    assert read_run(tmp_path / "out")["best_epoch"] == len(lines) - 1


def test_the_log_tells_the_rates_that_a_checkpoint_can_be_chosen_by(tmp_path: Path) -> None:
    stamps = small_stamps(tmp_path / "data", size=32, ring=0.05).stamps
    settings = with_optimisation(tmp_path, "best_by: val_tpr_at_fpr_0.01", epochs=2)
    assert train_tiny(stamps, tmp_path / "out", settings) == 0
    for line in log_of(tmp_path / "out"):
        assert 0 <= line["val_tpr_at_fpr_0.001"] <= line["val_tpr_at_fpr_0.01"] <= 1
        assert line["gpu_memory_gib"] is None
    best = max(line["val_tpr_at_fpr_0.01"] for line in log_of(tmp_path / "out"))
    assert read_run(tmp_path / "out")["best_value"] == best


def test_tensorboard_is_told_the_figures_of_the_log(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    stamps = small_stamps(tmp_path / "data").stamps
    assert train_tiny(stamps, tmp_path / "out", write_settings(tmp_path), "--tensorboard") == 0
    told = events.EventAccumulator(str(tmp_path / "out" / "tensorboard"))
    told.Reload()
    lines = log_of(tmp_path / "out")
    for name in ("train_loss", "val_auc", "images_per_s"):
        points = told.Scalars(name)
        assert [point.step for point in points] == [1, 2]
        assert [point.value for point in points] == pytest.approx([line[name] for line in lines], rel=1e-6)
    assert "gpu_memory_gib" not in told.Tags()["scalars"]


def test_tensorboard_that_is_not_installed_is_said_before_the_first_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"--tensorboard was asked for and TensorBoard is not installed; try: pip install"):
        TrainingLog(tmp_path, 0, tensorboard=True)


def test_a_log_that_goes_on_tells_each_epoch_once(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path, 0)
    for epoch in (1, 2, 3):
        log.add({"epoch": epoch, "train_loss": epoch / 10})
    again = TrainingLog(tmp_path, 2)
    again.add({"epoch": 3, "train_loss": 0.25})
    assert [(line["epoch"], line["train_loss"]) for line in log_of(tmp_path)] == [(1, 0.1), (2, 0.2), (3, 0.25)]
