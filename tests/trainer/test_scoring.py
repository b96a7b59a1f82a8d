"""Scoring: what the network says of each stamp alone, whose scores they are, and a run that goes on where it was cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from schemas.array_codec import decode_stamp
from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.run_record import RunError, read_run, run_files
from schemas.scores import SCORES
from schemas.stamps import STAMPS
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.tiny_training import CPU, rewrite_stamps, score_and_evaluate, small_stamps, train_tiny, write_settings
from trainer import score
from trainer.checkpoint import checkpoint_hash, load_checkpoint


def test_scores_of_the_validation_split_are_those_that_training_saw_over_the_whole_of_it(
    rings: StampsDirectory, trained: Path, tmp_path: Path
) -> None:
    arguments = ["--stamps", str(rings.stamps), "--checkpoint", str(trained / "best.pt"), "--out", str(tmp_path / "val")]
    score.main([*arguments, "--split", "val", "--device", "cpu", "--workers", "0"])
    (path,) = (tmp_path / "val" / "split=val").glob("*.parquet")
    table = read_table(path, SCORES)
    assert table.num_rows == 46  # 24 pairs less the refused one
    logits, labels = table["logit"].to_numpy().astype(float), table["label"].to_numpy()
    loss = np.mean(np.logaddexp(0, logits) - labels * logits)
    best = load_checkpoint(trained / "best.pt", CPU)
    assert loss == pytest.approx(best.progress.metrics["val_loss"], rel=1e-6)


def test_a_score_is_what_the_network_says_of_that_stamp_alone_prepared_as_in_training(
    rings: StampsDirectory, trained: Path
) -> None:
    score_and_evaluate(rings.stamps, trained)
    (scored,) = (trained / "scores" / "split=test").glob("*.parquet")
    table = read_table(scored, SCORES)
    said = dict(zip(table["task_id"].to_pylist(), table["logit"].to_pylist(), strict=True))
    checkpoint = load_checkpoint(trained / "best.pt", CPU)
    (path,) = (rings.stamps / "split=test").glob("*.parquet")
    network = checkpoint.network.eval()
    for row in read_table(path, STAMPS).to_pylist()[:6]:
        values = torch.tensor([[row[name] for name in checkpoint.settings.metadata_columns]], dtype=torch.float64)
        pixels = torch.from_numpy(decode_stamp(row["stamp_npz"]))[None]
        with torch.inference_mode():
            logit = network(*checkpoint.preprocessing.prepare(pixels, values, CPU))
            permuted = network(*checkpoint.preprocessing.prepare(pixels, values + torch.tensor([[0.3, 0.0]]), CPU))
        assert float(logit) == pytest.approx(said[row["task_id"]], abs=1e-4)
        assert float(permuted) != pytest.approx(float(logit), abs=1e-4)  # the conditions are heard


def test_scores_say_whose_they_are_and_leave_out_refused_rows_only(rings: StampsDirectory, trained: Path) -> None:
    score_and_evaluate(rings.stamps, trained)
    (path,) = run_files(trained / "scores", SCORES)
    table = read_table(path, SCORES)
    assert set(table["checkpoint_hash"].to_pylist()) == {checkpoint_hash(trained / "best.pt")}
    assert table.num_rows == 118 and set(table["split"].to_pylist()) == {"test"}
    assert read_run(trained / "scores")["counts"] == {"refused": 2, "unscored": 0}


def test_a_stamp_that_cannot_be_decoded_keeps_its_row_without_a_score(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path / "data")
    rewrite_stamps(directory, "test", lambda row: row | {"stamp_npz": b"?"} if row["task_id"].endswith("31") else row)
    rewrite_stamps(directory, "test", lambda row: row | {"stamp_npz": b"?"} if row["host_id"] == "9010-2-3" else row)
    train_tiny(directory.stamps, tmp_path / "out", write_settings(tmp_path, epochs=1))
    figures = score_and_evaluate(directory.stamps, tmp_path / "out")["test"]
    assert (figures["n_unscored"], figures["n_positive"], figures["n_negative"]) == (2, 6, 6)


def test_scoring_refuses_stamps_of_another_size_and_another_checkpoint_in_its_place(
    rings: StampsDirectory, trained: Path, tmp_path: Path
) -> None:
    other = small_stamps(tmp_path / "data", size=16)
    arguments = [
        "--checkpoint",
        str(trained / "best.pt"),
        "--device",
        "cpu",
        "--workers",
        "0",
        "--out",
        str(tmp_path / "scores"),
    ]
    with pytest.raises(InputError, match="stamps of 16 pixels; the checkpoint was trained on 32"):
        score.main(["--stamps", str(other.stamps), *arguments])
    score.main(["--stamps", str(rings.stamps), *arguments])
    arguments[1] = str(trained / "last.pt")
    with pytest.raises(RunError, match="checkpoints"):
        score.main(["--stamps", str(rings.stamps), *arguments])
