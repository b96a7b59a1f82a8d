"""A run that was killed inside an epoch goes on from its last saved step and ends as one that was not, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.job_entry import EXIT_STOPPED
from schemas.run_record import RunError
from tests.trainer.tiny_training import CPU, small_stamps, train_tiny
from trainer import pauses
from trainer.checkpoint import Checkpoint, checkpoint_hash, load_checkpoint
from trainer.pauses import Pauses

SETTINGS = """\
data: {workers: 0, lanes: 4, pairs: true, mix: {lens: 1.0}}
normalisation: {residual: azimuthal_median}
network: {backbone: convnext_mini, stem_stride: 2, drop_path: 0.3}
augmentation: {shift_pix: 0.5, broadening_arcsec: 0.5, noise_sigma: 0.3, flux_jitter_mag: 0.02, core_dropout: 0.2}
optimisation: {epochs: 3, batch_size: 16, learning_rate: 0.002, warmup_epochs: 0.5, ema_decay: 0.9, save_minutes: 0}
"""
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(SETTINGS)
    return path


def log_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def begun(stamps: Path, out: Path, settings: Path, *flags: str) -> subprocess.Popen[str]:
    """A training in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "trainer.train",
        "--stamps",
        stamps,
        "--out",
        out,
        "--settings",
        settings,
        "--device",
        "cpu",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*map(str, command), *flags],
        cwd=REPOSITORY,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def inside_second_epoch(process: subprocess.Popen[str], out: Path) -> Checkpoint:
    """Wait until what is saved stands inside the second epoch or a later one."""
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        if (out / "last.pt").exists():
            last = load_checkpoint(out / "last.pt", CPU)
            if last.progress.epochs_done >= 1 and last.position is not None:
                return last
        time.sleep(0.005)
    raise AssertionError(f"never inside the second epoch: {process.communicate()}")


def same_end(one: Path, other: Path) -> None:
    """Weights, average, optimiser and log are the same to the last bit, and so are the best weights."""
    best = [load_checkpoint(out / "best.pt", CPU).network.state_dict() for out in (one, other)]
    assert all(torch.equal(tensor, best[1][name]) for name, tensor in best[0].items())
    assert checkpoint_hash(one / "last.pt") == checkpoint_hash(other / "last.pt")
    untimed = [
        [{key: line[key] for key in line if key not in ("seconds", "images_per_s", "waiting_share")} for line in log_of(out)]
        for out in (one, other)
    ]
    assert untimed[0] == untimed[1]


@pytest.mark.slow
def test_a_run_that_is_killed_inside_an_epoch_ends_with_the_same_bytes_as_one_that_is_not(
    tmp_path: Path, settings: Path
) -> None:
    stamps = small_stamps(tmp_path / "data", train_pairs=60, size=32).stamps
    train_tiny(stamps, tmp_path / "whole", settings)
    process = begun(stamps, tmp_path / "cut", settings)
    inside_second_epoch(process, tmp_path / "cut")
    process.kill()
    process.communicate()
    cut = load_checkpoint(tmp_path / "cut" / "last.pt", CPU)
    assert cut.position is not None and cut.position.batches_done > 0
    assert train_tiny(stamps, tmp_path / "cut", settings) == 0
    same_end(tmp_path / "cut", tmp_path / "whole")


@pytest.mark.slow
def test_a_run_that_is_told_to_stop_saves_after_the_step_and_goes_on_with_another_number_of_readers(
    tmp_path: Path, settings: Path
) -> None:
    stamps = small_stamps(tmp_path / "data", train_pairs=60, size=32).stamps
    train_tiny(stamps, tmp_path / "whole", settings)
    process = begun(stamps, tmp_path / "cut", settings, "--workers", "2")
    inside_second_epoch(process, tmp_path / "cut")
    os.killpg(process.pid, signal.SIGTERM)  # the reading processes too, as torchrun and a service manager do it
    said, errors = process.communicate(timeout=60)
    assert process.returncode == EXIT_STOPPED, errors
    assert "saved; the same command goes on from there" in said
    assert not (tmp_path / "cut" / "_run.json").exists()
    assert train_tiny(stamps, tmp_path / "cut", settings) == 0
    same_end(tmp_path / "cut", tmp_path / "whole")


def test_how_often_a_run_saves_does_not_change_it(tmp_path: Path, settings: Path) -> None:
    stamps = small_stamps(tmp_path / "data", size=32).stamps
    train_tiny(stamps, tmp_path / "often", settings)
    settings.write_text(SETTINGS.replace("save_minutes: 0", "save_minutes: 60"))
    train_tiny(stamps, tmp_path / "seldom", settings)
    weights = [load_checkpoint(tmp_path / name / "last.pt", CPU).network.state_dict() for name in ("often", "seldom")]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


def test_a_run_inside_an_epoch_may_go_on_with_another_number_of_ranks(tmp_path: Path, settings: Path) -> None:
    stamps = small_stamps(tmp_path / "data", size=32).stamps
    stop_after(2, tmp_path, stamps, settings)
    last = torch.load(tmp_path / "out" / "last.pt", weights_only=True)
    last["position"]["chance"] *= 2
    torch.save(last, tmp_path / "out" / "last.pt")
    assert train_tiny(stamps, tmp_path / "out", settings) == 0


def stop_after(steps: int, tmp_path: Path, stamps: Path, settings: Path) -> int:
    """Train until a signal after some steps."""
    with pytest.MonkeyPatch.context() as patched:
        real, count = Pauses.wish, iter(range(1000))

        def wish(self: Pauses) -> int:
            if next(count) == steps - 1:
                os.kill(os.getpid(), signal.SIGTERM)
            return real(self)

        patched.setattr(Pauses, "wish", wish)
        return train_tiny(stamps, tmp_path / "out", settings)


def test_a_stopped_run_says_where_and_has_no_finished_record(
    tmp_path: Path, settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stamps = small_stamps(tmp_path / "data", size=32).stamps
    before = signal.getsignal(signal.SIGTERM)
    assert stop_after(2, tmp_path, stamps, settings) == EXIT_STOPPED
    assert "dhs train: stopped in epoch 1, saved" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) is before
    position = load_checkpoint(tmp_path / "out" / "last.pt", CPU).position
    assert position is not None and position.batches_done == 2
    with pytest.raises(RunError, match=r"holds another run: settings was .*'batch_size': 16.* and is now .*'batch_size': 24"):
        train_tiny(stamps, tmp_path / "out", settings, "--batch-size", "24")


def test_wishes_of_all_ranks_add_up_to_saving_and_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(pauses.time, "monotonic", lambda: now[0])
    first, second = Pauses(1.0), Pauses(0.0, first=False)
    assert Pauses.meaning(first.wish() + second.wish()) == (False, False)
    now[0] = 161.0
    assert second.wish() == 0 and Pauses.meaning(first.wish() + second.wish()) == (True, False)
    first.saved()
    assert first.wish() == 0
    second.signal = signal.SIGTERM
    assert Pauses.meaning(first.wish() + second.wish()) == (True, True)
    assert Pauses.meaning(63 * 1) == (True, False)


def test_the_second_signal_has_its_usual_effect() -> None:
    waiting = Pauses(1.0)
    with waiting.listening():
        os.kill(os.getpid(), signal.SIGINT)
        assert waiting.signal == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
