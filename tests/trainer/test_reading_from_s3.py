"""Finished data in S3 reads as the same data on disk, bit for bit; what is not there or not allowed is told in one line."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from schemas.contract import ContractError
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_UNREACHABLE, run_job
from schemas.locations import LocationError, S3Location, location
from schemas.run_record import RunError, read_run, run_files
from schemas.stamps import STAMPS
from tests.small_s3 import SmallS3, start_s3
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.tiny_training import small_stamps, train_tiny, write_settings
from trainer import evaluate, score, train
from trainer.checkpoint import checkpoint_hash
from trainer.sample_order import OrderPlan
from trainer.stamp_catalogue import load_catalogue
from trainer.stamp_loading import TrainingBatches
from trainer.train_settings import DataSettings

COLUMNS = ("psf_fwhm_r_arcsec", "psf_depth_r_mag")


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallS3]:
    server = start_s3(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def endpoint(s3: SmallS3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    return small_stamps(tmp_path_factory.mktemp("stamps"), train_pairs=200, size=32)


@pytest.fixture(scope="module")
def remote(s3: SmallS3, local: StampsDirectory) -> str:
    return s3.upload(local.stamps, "stamps")


def batches(directory: Any, workers: int) -> list[tuple[Any, ...]]:
    catalogue = load_catalogue(directory, "train", COLUMNS, measure=True)
    plan = OrderPlan(catalogue.group_sizes, 4, 32, 2, 7)
    loaded = TrainingBatches(catalogue, plan, DataSettings(workers=workers, lanes=4))
    return [(batch.images, batch.metadata, batch.labels, batch.task_ids) for batch in loaded.epoch(1)]


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_batches_from_s3_are_those_from_disk(local: StampsDirectory, remote: str, workers: int) -> None:
    for here, there in zip(batches(local.stamps, 0), batches(location(remote), workers), strict=True):
        assert here[3] == there[3]
        assert all(torch.equal(one, other) for one, other in zip(here[:3], there[:3], strict=True))


def test_the_catalogue_in_s3_is_the_one_on_disk(local: StampsDirectory, remote: str) -> None:
    here, there = (load_catalogue(place, "val", COLUMNS, measure=True) for place in (local.stamps, location(remote)))
    assert here.metadata_statistics == there.metadata_statistics
    for name in ("labels", "row_in_group", "first_sample", "group_number"):
        np.testing.assert_array_equal(getattr(here, name), getattr(there, name))
    assert all(path.startswith("s3://stamps/data/split=val/") for path in there.files)


def test_training_scoring_and_evaluating_go_from_store_to_disk(
    local: StampsDirectory, remote: str, s3: SmallS3, tmp_path: Path
) -> None:
    settings = write_settings(tmp_path, epochs=1)
    train_tiny(local.stamps, tmp_path / "here", settings)
    arguments = ["--stamps", remote, "--out", str(tmp_path / "there"), "--settings", str(settings), "--device", "cpu"]
    assert train.main(arguments) == 0
    assert checkpoint_hash(tmp_path / "here" / "best.pt") == checkpoint_hash(tmp_path / "there" / "best.pt")
    checkpoint = s3.upload(tmp_path / "there", "trained") + "/best.pt"
    scoring = ["--stamps", remote, "--checkpoint", checkpoint, "--out", str(tmp_path / "scores"), "--device", "cpu"]
    assert score.main([*scoring, "--workers", "0"]) == 0
    scores = s3.upload(tmp_path / "scores", "scored")
    assert evaluate.main(["--scores", scores, "--stamps", remote, "--out", str(tmp_path / "m.json"), "--draws", "20"]) == 0
    assert read_run(location(scores))["rows"] == 14


def test_a_row_group_is_a_few_requests_and_not_one_a_column(remote: str, s3: SmallS3) -> None:
    catalogue = load_catalogue(location(remote), "train", COLUMNS, measure=True)
    from trainer.row_groups import RowGroupReader

    reader = RowGroupReader(catalogue)
    reader.read(0)
    before = len(s3.requests())
    reader.read(1)
    assert 1 <= len(s3.requests()) - before <= 4  # eight columns and the blobs


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("s3://nowhere/stamps", r"s3://nowhere: there is no such bucket"),
        ("s3://stamps/elsewhere", r"s3://stamps/elsewhere holds no run: _run.json is not there"),
        ("s3://", r"names no bucket; wanted s3://bucket/prefix"),
    ],
)
def test_what_is_not_in_the_store_is_said_with_its_place(remote: str, place: str, text: str) -> None:
    with pytest.raises((RunError, LocationError), match=text):
        load_catalogue(location(place), "train", COLUMNS)


def test_a_store_that_refuses_is_said_without_a_traceback(
    remote: str, s3: SmallS3, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--stamps", remote, "--out", str(tmp_path / "out"), "--device", "cpu", "--workers", "0"]
    s3.deny(0)
    try:
        assert run_job("train", train.main, arguments) == EXIT_BAD_INPUT
    finally:
        s3.allow()
    said = capsys.readouterr().err
    assert said.startswith("dhs train: error: s3://stamps/data/_run.json: access denied; wanted credentials that may read it")
    assert said.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_store_that_is_not_there_is_a_failure_that_may_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    arguments = ["--stamps", "s3://stamps/data", "--out", str(tmp_path / "out"), "--device", "cpu"]
    assert run_job("train", train.main, arguments) == EXIT_UNREACHABLE
    assert "S3 cannot be reached; wanted a network, and AWS_ENDPOINT_URL" in capsys.readouterr().err


def test_an_endpoint_that_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:9")
    with pytest.raises(LocationError, match=r"AWS_ENDPOINT_URL is 'localhost:9'; wanted http://host:port or https://host"):
        read_run(location("s3://stamps/data"))


def test_an_object_that_was_cut_short_is_no_stamps_file(local: StampsDirectory, s3: SmallS3, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(local.stamps, tmp_path / "cut")
    (path,) = (tmp_path / "cut" / "split=val").glob("*.parquet")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ContractError, match=r"s3://cut/data/split=val/shard.*is not a readable Parquet file"):
        run_files(location(s3.upload(tmp_path / "cut", "cut")), STAMPS, under="split=val/")


def test_what_is_written_stays_on_disk(remote: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--stamps", remote, "--out", "s3://stamps/out"]
    assert run_job("train", train.main, arguments) == EXIT_BAD_INPUT
    assert "only finished data is read from S3; wanted a local path here" in capsys.readouterr().err


def test_a_place_in_a_store_is_joined_and_named_like_a_path() -> None:
    place = location("s3://bucket/some/prefix/")
    assert place == S3Location("bucket", "some/prefix") and str(place / "file") == "s3://bucket/some/prefix/file"
    assert (place / "file").name == "file" and str(location("s3://bucket") / "x") == "s3://bucket/x"
    assert location("some/path") == Path("some/path") and location(Path("s3:/odd")) == Path("s3:/odd")
