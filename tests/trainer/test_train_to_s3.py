"""A training that writes to S3: what stands is whole at every moment, and another host goes on from it to the same end."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas import locations
from schemas.job_entry import InputError
from schemas.locations import StoreUnreachableError, location
from schemas.run_record import RunError, read_run
from tests.faulty_proxy import Fault, FaultyProxy
from tests.s3_store import BUCKET, S3Store
from tests.trainer.tiny_training import CPU, small_stamps, train_tiny
from trainer.checkpoint import checkpoint_hash, load_checkpoint
from trainer.training_log import TrainingLog

SETTINGS = """\
data: {workers: 0, lanes: 4}
network: {backbone: convnext_mini, stem_stride: 2, drop_path: 0.1}
augmentation: {noise_sigma: 0.3}
optimisation: {epochs: 2, batch_size: 24, learning_rate: 0.002, warmup_epochs: 0.5, save_minutes: 0}
"""
_TIMED = ("seconds", "images_per_s", "waiting_share")


class DyingWay:
    """A way to S3 on which no more than some savings of ``last.pt`` arrive; looks at each step at what stands below ``key``."""

    def __init__(self, s3: S3Store, key: str, savings: int) -> None:
        self._files, self._folder, self._left = s3.file_system(), f"{BUCKET}/{key}", savings
        self.seen: dict[str, set[bytes]] = {"best.pt": set(), "last.pt": set(), "log.jsonl": set()}

    def __call__(self, method: str, path: str) -> Fault | None:
        if method != "PUT":
            return None
        for name, contents in self.seen.items():
            if self._files.get_file_info(f"{self._folder}/{name}").is_file:
                with self._files.open_input_file(f"{self._folder}/{name}") as stream:
                    contents.add(stream.read())
        self._left -= "last.pt" in path
        return "reset" if self._left < 0 else None


def untimed(log: bytes) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.decode().splitlines(keepends=True) if line.endswith("\n")]
    return [{key: value for key, value in line.items() if key not in _TIMED} for line in lines]


def test_a_host_that_dies_in_the_second_epoch_leaves_whole_files_and_another_ends_as_an_undisturbed_run_on_disk(
    s3: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stamps = small_stamps(tmp_path / "data").stamps
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    train_tiny(stamps, tmp_path / "whole", tmp_path / "settings.yaml")
    settings = s3.put_bytes("dying/settings.yaml", SETTINGS.encode())
    out = location(f"s3://{BUCKET}/dying/out")
    arguments: Any = (s3.put(stamps, "dying/stamps"), out, settings)
    way = DyingWay(s3, "dying/out", savings=4)
    with monkeypatch.context() as patched, FaultyProxy(s3.url, way).running() as proxy:
        patched.setenv("AWS_ENDPOINT_URL", proxy.url)
        patched.setattr(locations, "_ATTEMPTS", 1)
        with pytest.raises(StoreUnreachableError, match=r"dying/out/last\.pt: S3 cannot be reached"):
            train_tiny(*arguments)
    with pytest.raises(RunError, match="holds an unfinished run"):
        read_run(out)
    last = load_checkpoint(out / "last.pt", CPU)
    assert last.progress.epochs_done == 1 and last.position is not None and last.position.batches_done == 1
    before = len(s3.requests())
    assert train_tiny(*arguments) == 0
    for content in (*way.seen["best.pt"], *way.seen["last.pt"]):
        torch.load(io.BytesIO(content), weights_only=True)
    assert len(way.seen["last.pt"]) == 4 and [len(untimed(log)) for log in way.seen["log.jsonl"]] == [1]
    put = [path.rpartition("/")[2].partition("?")[0] for method, path in s3.requests()[before:] if method == "PUT"]
    assert put[-3:] == ["log.jsonl", "last.pt", "_run.json"] and put.count("log.jsonl") == put.count("_run.json") == 1
    assert untimed((out / "log.jsonl").read_bytes()) == untimed((tmp_path / "whole" / "log.jsonl").read_bytes())
    assert checkpoint_hash(out / "last.pt") == checkpoint_hash(tmp_path / "whole" / "last.pt")
    best = [load_checkpoint(place / "best.pt", CPU).network.state_dict() for place in (out, tmp_path / "whole")]
    assert all(torch.equal(tensor, best[1][name]) for name, tensor in best[0].items())
    for entry in read_run(out)["files"]:
        assert len((out / entry["path"]).read_bytes()) == entry["bytes"]
    assert not Path("s3:").exists()


def test_an_epoch_that_was_told_and_not_saved_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host may die after the log of an epoch and before its last checkpoint, never the other way round."""
    stamps = small_stamps(tmp_path / "data").stamps
    (tmp_path / "settings.yaml").write_text(SETTINGS.replace("save_minutes: 0", "save_minutes: 60"))
    tell = TrainingLog.add
    with monkeypatch.context() as patched:

        def die(self: TrainingLog, line: Any) -> None:
            tell(self, line)
            raise KeyboardInterrupt

        patched.setattr(TrainingLog, "add", die)
        with pytest.raises(KeyboardInterrupt):
            train_tiny(stamps, tmp_path / "out", tmp_path / "settings.yaml")
    assert [line["epoch"] for line in untimed((tmp_path / "out" / "log.jsonl").read_bytes())] == [1]
    assert train_tiny(stamps, tmp_path / "out", tmp_path / "settings.yaml") == 0
    assert [line["epoch"] for line in untimed((tmp_path / "out" / "log.jsonl").read_bytes())] == [1, 2]


def test_events_of_tensorboard_stay_on_disk_and_that_is_said_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--tensorboard was asked for with s3://b/out/tensorboard; .*wanted an --out on disk"):
        train_tiny(tmp_path / "nowhere", location("s3://b/out"), tmp_path / "nothing.yaml", "--tensorboard")  # type: ignore[arg-type]
