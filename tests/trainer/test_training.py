"""Training from end to end: it learns what is there, nothing where nothing is, and repeats itself bit for bit."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.job_entry import InputError
from schemas.run_record import RunError, read_run
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory
from tests.trainer.tiny_training import CPU, rewrite_stamps, score_and_evaluate, small_stamps, train_tiny, write_settings
from trainer.checkpoint import checkpoint_hash, load_checkpoint
from trainer.optimisation import learning_rate, make_optimiser
from trainer.stamp_catalogue import load_catalogue
from trainer.step_watch import NonFiniteError
from trainer.train_settings import OptimisationSettings


def log_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_bright_rings_are_learned_in_seconds(rings: StampsDirectory, trained: Path) -> None:
    figures = score_and_evaluate(rings.stamps, trained)["test"]
    assert figures["auc"]["low"] > 0.8
    losses = [line["train_loss"] for line in log_of(trained)]
    assert losses[-1] < 0.5 * losses[0]


def test_where_no_ring_was_added_nothing_is_found(tmp_path: Path) -> None:
    pairs = {"train": 80, "val": 24, "test": 100}
    directory = write_stamps_directory(tmp_path, pairs, size=32, refused_pairs=1, ring=0.0)
    train_tiny(directory.stamps, tmp_path / "out", write_settings(tmp_path, epochs=3))
    auc = score_and_evaluate(directory.stamps, tmp_path / "out")["test"]["auc"]
    assert auc["low"] <= 0.5 <= auc["high"]


def test_the_same_seed_gives_the_same_checkpoint_bit_for_bit_and_another_seed_another(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path / "data")
    settings = write_settings(tmp_path)
    hashes = []
    for name, seed in (("a", "4"), ("b", "4"), ("c", "5")):
        train_tiny(directory.stamps, tmp_path / name, settings, "--seed", seed)
        hashes.append(checkpoint_hash(tmp_path / name / "last.pt"))
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(("backbone", "decay"), [("convnext_mini", 0.0), ("resnet10", 0.0), ("resnet10", 0.9)])
def test_a_run_that_was_cut_off_goes_on_and_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backbone: str, decay: float
) -> None:
    directory = small_stamps(tmp_path / "data", size=32)
    settings = write_settings(tmp_path, backbone=backbone, epochs=3)
    settings.write_text(settings.read_text().replace("warmup_epochs: 0.5", f"warmup_epochs: 0.5, ema_decay: {decay}"))
    train_tiny(directory.stamps, tmp_path / "whole", settings)
    with monkeypatch.context() as patched:
        real = __import__("trainer.epoch_pass", fromlist=["_"]).prepared_step
        steps = iter(range(100))

        def cut(*args: Any) -> Any:
            if next(steps) == 7:  # the second step of the third epoch
                raise KeyboardInterrupt
            return real(*args)

        patched.setattr("trainer.epoch_pass.prepared_step", cut)
        with pytest.raises(KeyboardInterrupt):
            train_tiny(directory.stamps, tmp_path / "cut", settings)
    assert [line["epoch"] for line in log_of(tmp_path / "cut")] == [1, 2]
    train_tiny(directory.stamps, tmp_path / "cut", settings)
    assert checkpoint_hash(tmp_path / "cut" / "best.pt") == checkpoint_hash(tmp_path / "whole" / "best.pt")
    last = [load_checkpoint(tmp_path / name / "last.pt", CPU) for name in ("cut", "whole")]
    for one, other in zip(*(checkpoint.network.state_dict().values() for checkpoint in last), strict=True):
        assert torch.equal(one, other)
    assert last[0].progress == last[1].progress
    whole, cut_off = log_of(tmp_path / "whole"), log_of(tmp_path / "cut")
    assert [line["train_loss"] for line in whole] == [line["train_loss"] for line in cut_off]


def test_the_average_of_the_weights_is_kept_as_best_and_follows_the_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = write_settings(tmp_path, epochs=1)
    settings.write_text(settings.read_text().replace("warmup_epochs: 0.5", "warmup_epochs: 0.5, ema_decay: 0.8"))
    seen: list[torch.Tensor] = []
    real = torch.optim.AdamW.step

    def noted(self: torch.optim.AdamW) -> None:
        real(self)
        seen.append(torch.cat([p.detach().flatten() for group in self.param_groups for p in group["params"]]))

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    train_tiny(small_stamps(tmp_path / "data", size=32).stamps, tmp_path / "out", settings)
    wanted = seen[0]
    for weights in seen[1:]:
        wanted = 0.8 * wanted + 0.2 * weights
    best, last = (load_checkpoint(tmp_path / "out" / name, CPU) for name in ("best.pt", "last.pt"))
    optimiser = make_optimiser(best.network, best.settings.optimisation)
    kept = torch.cat([p.detach().flatten() for group in optimiser.param_groups for p in group["params"]])
    assert len(seen) == 3
    torch.testing.assert_close(kept, wanted, rtol=1e-5, atol=1e-7)
    assert not torch.allclose(kept, seen[-1], rtol=1e-5, atol=1e-7)
    assert best.average is None and last.average is not None
    for name, tensor in best.network.state_dict().items():
        assert torch.equal(last.average[f"module.{name}"], tensor)


def test_a_finished_run_is_left_alone_and_another_is_refused(
    rings: StampsDirectory, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = write_settings(trained.parent, backbone="resnet10", epochs=5)
    before = (trained / "best.pt").stat().st_mtime_ns
    assert train_tiny(rings.stamps, trained, settings) == 0
    assert "finished; nothing to do" in capsys.readouterr().out
    assert (trained / "best.pt").stat().st_mtime_ns == before
    with pytest.raises(RunError, match="holds another run"):
        train_tiny(rings.stamps, trained, settings, "--epochs", "6")


def test_best_and_last_are_two_files_and_the_log_says_which_epoch_was_best(trained: Path) -> None:
    best, last = load_checkpoint(trained / "best.pt", CPU), load_checkpoint(trained / "last.pt", CPU)
    lines = log_of(trained)
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5]
    assert max(line["epoch"] for line in lines if line["best"]) == best.progress.best_epoch == best.progress.epochs_done
    assert best.progress.best_value == max(line["val_auc"] for line in lines)
    assert last.progress.epochs_done == 5 and last.optimiser is not None and best.optimiser is None
    assert read_run(trained)["best_checkpoint"] == checkpoint_hash(trained / "best.pt")


def test_the_checkpoint_carries_what_scoring_needs(rings: StampsDirectory, trained: Path) -> None:
    checkpoint = load_checkpoint(trained / "best.pt", CPU)
    measured = load_catalogue(rings.stamps, "train", checkpoint.settings.metadata_columns, measure=True).metadata_statistics
    assert checkpoint.preprocessing.metadata == measured
    assert checkpoint.preprocessing.normalisation == checkpoint.settings.normalisation
    assert (checkpoint.origin.recipe_hash, checkpoint.origin.size_pix) == ("5ca1ab1e5ca1ab1e", 32)


def test_a_loss_that_is_not_finite_stops_before_the_step_and_names_the_stamps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = small_stamps(tmp_path / "data")
    victim = f"{0:04d}{5:08d}{1:020d}"
    original = __import__("trainer.epoch_pass", fromlist=["_"]).losses_of
    stepped: list[int] = []

    def poisoned(learner: Any, batch: Any, epoch: int) -> torch.Tensor:
        losses = original(learner, batch, epoch)
        factor = torch.tensor([float("nan") if name == victim else 1.0 for name in batch.task_ids])
        return losses * factor

    monkeypatch.setattr("trainer.epoch_pass.losses_of", poisoned)
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: stepped.append(1))
    with pytest.raises(NonFiniteError, match=rf"epoch 1: the loss is not finite.*task_id {victim}.*step was not taken"):
        train_tiny(directory.stamps, tmp_path / "out", write_settings(tmp_path))
    assert len(stepped) < 3 and not (tmp_path / "out" / "last.pt").exists()


def without(label: int) -> Any:
    return lambda row: row | {"reasons": 4096, "stamp_npz": None} if row["label"] == label else row


@pytest.mark.parametrize(
    ("split", "change", "text"),
    [
        ("train", without(1), "split 'train' has 0 lenses and 23 negatives; wanted some of both"),
        ("train", without(0), "split 'train' has 23 lenses and 0 negatives"),
        ("val", without(0), "split 'val' has 7 lenses and 0 negatives"),
        ("val", lambda row: row | {"reasons": 1, "stamp_npz": None}, "all refused"),
        (
            "train",
            lambda row: row | {"label": -1 if row["replicate"] == 0 else 0},
            "whose label is not 0 or 1|wanted some of both",
        ),
    ],
)
def test_splits_that_cannot_carry_a_training_are_refused_before_anything_is_written(
    tmp_path: Path, split: str, change: Any, text: str
) -> None:
    directory = small_stamps(tmp_path / "data", size=8)
    rewrite_stamps(directory, split, change)
    with pytest.raises(InputError, match=text):
        train_tiny(directory.stamps, tmp_path / "out", write_settings(tmp_path))
    assert not (tmp_path / "out").exists()


def test_a_validation_split_of_one_class_trains_where_the_loss_decides(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path / "data")
    rewrite_stamps(directory, "val", without(0))
    settings = write_settings(tmp_path, epochs=1)
    settings.write_text(settings.read_text().replace("warmup_epochs", "best_by: val_loss, warmup_epochs"))
    assert train_tiny(directory.stamps, tmp_path / "out", settings) == 0
    assert log_of(tmp_path / "out")[0]["val_auc"] is None


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--batch-size", "64"], r"a batch of 64 was asked for; an epoch has 46 stamps"),
        (["--batch-size", "18"], r"batch_size is 18 and data.lanes is 4"),
        (["--backbone", "vgg"], r"network.backbone"),
        (["--device", "cuda:9"], r"device 'cuda:9' was asked for; this machine has \d usable GPUs"),
        (["--device", "tpu"], r"wanted auto, cpu, cuda or cuda:N"),
        (["--workers", "3"], r"4 lanes a rank and 3 reading processes"),
    ],
)
def test_flags_that_cannot_be_met_are_refused(tmp_path: Path, flags: list[str], text: str) -> None:
    directory = small_stamps(tmp_path / "data", size=16)
    with pytest.raises(InputError, match=text):
        train_tiny(directory.stamps, tmp_path / "out", write_settings(tmp_path), *flags)
    assert not (tmp_path / "out").exists()


def test_stamps_too_small_for_the_network_are_refused(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path / "data", size=8)
    with pytest.raises(InputError, match=r"stamps of 8 pixels are too small for network.stem_stride 2; wanted at least 16"):
        train_tiny(directory.stamps, tmp_path / "out", write_settings(tmp_path))


def test_a_start_that_speaks_of_several_processes_and_is_not_torchruns_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=r"WORLD_SIZE is 2 and RANK, MASTER_ADDR, MASTER_PORT are not set; wanted a start by"):
        train_tiny(small_stamps(tmp_path / "data", size=8).stamps, tmp_path / "out", write_settings(tmp_path))


def test_a_feature_that_injection_made_is_refused_by_training(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, more="metadata_columns: [psf_fwhm_r_arcsec, arc_snr]\n")
    with pytest.raises(InputError, match="'arc_snr' exists only because a lens was injected"):
        train_tiny(small_stamps(tmp_path / "data", size=8).stamps, tmp_path / "out", settings)


def test_the_learning_rate_rises_falls_and_ends_near_zero() -> None:
    settings = OptimisationSettings(epochs=4, warmup_epochs=1.0, learning_rate=1.0)
    rates = [learning_rate(step, 10, settings) for step in range(40)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0) and rates[10] == pytest.approx(1.0)
    assert all(a > b for a, b in itertools.pairwise(rates[10:])) and 0 < rates[-1] < 0.01
    assert learning_rate(0, 1, OptimisationSettings(epochs=1, warmup_epochs=3.0, learning_rate=1.0)) == 1.0


def test_biases_norms_and_layer_scales_do_not_decay(trained: Path) -> None:
    network = load_checkpoint(trained / "best.pt", CPU).network
    decayed, others = make_optimiser(network, OptimisationSettings()).param_groups
    assert {p.ndim for p in decayed["params"]} == {2, 4} and {p.ndim for p in others["params"]} == {1}
    assert decayed["weight_decay"] == OptimisationSettings().weight_decay and others["weight_decay"] == 0
    assert len(decayed["params"]) + len(others["params"]) == len(list(network.parameters()))
