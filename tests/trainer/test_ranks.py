"""Several processes that share each batch end where one process does. Bad input to several: deploy/test_gpu_host.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.run_record import RunError, read_run
from tests.trainer.tiny_training import CPU, small_stamps, train_tiny
from trainer.checkpoint import load_checkpoint
from trainer.devices import choose_device
from trainer.ranks import Ranks, joined_ranks

SETTINGS = """\
data: {workers: 0, lanes: 4}
network: {backbone: convnext_mini, stem_stride: 2, drop_path: 0.0}
optimisation: {epochs: 2, batch_size: 16, learning_rate: 0.002, warmup_epochs: 0.5}
"""
REPOSITORY = Path(__file__).resolve().parents[2]


def torchrun(processes: int, *arguments: Any) -> subprocess.CompletedProcess[str]:
    """``dhs train`` in several processes on this machine's CPU."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes]
    command += ["-m", "trainer.train", "--device", "cpu", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*map(str, command)], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def log_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_end_with_the_loss_and_the_weights_of_one(tmp_path: Path) -> None:
    stamps = small_stamps(tmp_path / "data", size=32).stamps  # its last batch is padded
    settings = tmp_path / "settings.yaml"
    settings.write_text(SETTINGS)
    train_tiny(stamps, tmp_path / "one", settings)
    done = torchrun(2, "--stamps", stamps, "--out", tmp_path / "two", "--settings", settings)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("dhs train:") == 1
    for alone, together in zip(log_of(tmp_path / "one"), log_of(tmp_path / "two"), strict=True):
        for name in ("train_loss", "val_loss", "val_auc"):
            assert together[name] == pytest.approx(alone[name], rel=1e-4), name
    one, two = (load_checkpoint(tmp_path / name / "last.pt", CPU).network.state_dict() for name in ("one", "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-3, atol=2e-5, msg=name)
    assert read_run(tmp_path / "two")["counts"] == read_run(tmp_path / "one")["counts"]


def test_one_process_is_its_own_first_total_and_gathering() -> None:
    alone = Ranks()
    assert alone.first and alone.total(3) == 3 and alone.gather("x") == ["x"]
    assert alone.once(lambda: 5) == 5

    def fail() -> None:
        raise RunError("another run stands there")

    with pytest.raises(RunError, match="another run stands there"):
        alone.once(fail)


@pytest.mark.parametrize(
    ("asked", "local_rank", "wanted"),
    [
        ("auto", None, "cuda:0"),
        ("auto", "1", "cuda:1"),
        ("cuda", None, "cuda:0"),
        ("cuda", "1", "cuda:1"),
        ("cuda:0", "1", "cuda:0"),
    ],
)
def test_each_process_has_the_gpu_that_torchrun_gave_it(
    monkeypatch: pytest.MonkeyPatch, asked: str, local_rank: str | None, wanted: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if local_rank is not None:
        monkeypatch.setenv("LOCAL_RANK", local_rank)
    assert str(choose_device(asked)) == wanted


def test_the_gpu_that_computes_is_made_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_ranks(torch.device("cuda", 1)) as ranks:
        assert ranks == Ranks()
    assert chosen == [torch.device("cuda", 1)]
