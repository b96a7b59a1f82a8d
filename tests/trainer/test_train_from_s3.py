"""Finished stamps read where they lie in S3: the same batches, weights, scores and figures as from disk, in few requests."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from schemas import locations
from schemas.contract import ContractError
from schemas.contract_files import open_parquet, read_group, read_table
from schemas.locations import LocationError, StoreUnreachableError, location
from schemas.scores import SCORES
from schemas.stamps import STAMP_INDEX
from tests.faulty_proxy import FAULTS, Fault, FaultyProxy
from tests.s3_store import BUCKET, S3Store
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.tiny_training import COLUMNS, CPU, small_stamps, spread_over_files, write_settings
from trainer import evaluate, score, train
from trainer.checkpoint import load_checkpoint
from trainer.row_groups import RowGroupReader
from trainer.sample_order import OrderPlan
from trainer.stamp_catalogue import StampCatalogue, load_catalogue
from trainer.stamp_loading import SplitBatches, TrainingBatches
from trainer.stamp_reader import StampBatch
from trainer.train_settings import DataSettings


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    """Several files and row groups of small stamps; read only."""
    directory = small_stamps(tmp_path_factory.mktemp("many"), train_pairs=300, size=16)
    spread_over_files(directory, "train", 3)
    return directory


@pytest.fixture
def address(s3: S3Store, many: StampsDirectory) -> str:
    return s3.put(many.stamps, "many/stamps")


def batches_of(catalogue: StampCatalogue, workers: int) -> Iterator[StampBatch]:
    data = DataSettings(workers=workers, lanes=4)
    plan = OrderPlan(catalogue.group_sizes, 4, 64, shuffle_groups=2, seed=3)
    return TrainingBatches(catalogue, plan, data).epoch(1)


def test_the_catalogue_of_s3_is_that_of_the_disk(address: str, many: StampsDirectory) -> None:
    here = load_catalogue(many.stamps, "train", COLUMNS, measure=True, pairs=True)
    there = load_catalogue(location(address), "train", COLUMNS, measure=True, pairs=True)
    assert len(there.files) == 3
    assert [name.removeprefix(address) for name in there.files] == [name.removeprefix(str(many.stamps)) for name in here.files]
    for name in (field.name for field in fields(here) if field.name != "files"):
        one, other = getattr(here, name), getattr(there, name)
        assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other, name


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_from_s3_are_those_from_disk_bit_for_bit(address: str, many: StampsDirectory, workers: int) -> None:
    here = list(batches_of(load_catalogue(many.stamps, "train", COLUMNS), 0))
    there = list(batches_of(load_catalogue(location(address), "train", COLUMNS), workers))
    assert len(here) == len(there) > 5
    for one, other in zip(here, there, strict=True):
        assert one.task_ids == other.task_ids
        for name in ("images", "metadata", "labels", "weights"):
            assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_an_epoch_of_which_every_third_request_fails_is_the_undisturbed_one(
    s3: S3Store, many: StampsDirectory, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = itertools.count(1)

    def every_third(method: str, path: str) -> Fault | None:
        number = next(requests)
        return FAULTS[number // 3 % len(FAULTS)] if number % 3 == 0 else None

    whole = list(batches_of(load_catalogue(many.stamps, "train", COLUMNS), 0))
    with FaultyProxy(s3.url, every_third).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        disturbed = list(batches_of(load_catalogue(location(address), "train", COLUMNS), 0))
    assert set(FAULTS) <= proxy.counts.keys()
    assert [batch.task_ids for batch in disturbed] == [batch.task_ids for batch in whole]
    assert all(torch.equal(one.images, other.images) for one, other in zip(disturbed, whole, strict=True))


def test_a_refusal_that_is_longer_than_the_column_that_was_asked_for_is_not_the_last_word(
    s3: S3Store, many: StampsDirectory, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS's client gets no more room for an answer than the column has bytes, and asks again only where the refusal fits."""
    monkeypatch.setattr(locations, "_FIRST_WAIT_SECONDS", 0.0)
    path, refusals = location(f"{address}/index/split-val.parquet"), [0]

    def few(method: str, path: str) -> Fault | None:
        refusals[0] -= method == "GET"
        return "slow down" if method == "GET" and refusals[0] >= 0 else None

    def labels() -> list[int]:
        with open_parquet(path, STAMP_INDEX) as file:
            refusals[0] = again
            return read_group(path, file, 0, ["label"])["label"].to_pylist()

    with FaultyProxy(s3.url, few).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        again = 2
        assert labels() == read_table(many.stamps / "index" / "split-val.parquet", STAMP_INDEX)["label"].to_pylist()
        again = 1000
        with pytest.raises(StoreUnreachableError, match=r"index/split-val\.parquet: S3 cannot be reached for now"):
            labels()


def test_a_row_group_costs_few_requests_and_an_open_file_two(s3: S3Store, address: str) -> None:
    catalogue = load_catalogue(location(address), "train", COLUMNS)
    reader = RowGroupReader(catalogue)
    before = len(s3.requests())
    reader.read(0)
    opened = s3.requests()[before:]
    reader.read(0)
    again = s3.requests()[before + len(opened) :]
    reader.close()
    assert [method for method, _ in opened[:2]] == ["HEAD", "GET"]
    assert {method for method, _ in again} == {"GET"} and len(again) <= 3
    assert len(opened) == 2 + len(again)


def test_training_scoring_and_evaluating_from_s3_end_as_from_disk(s3: S3Store, rings: StampsDirectory, tmp_path: Path) -> None:
    settings = write_settings(tmp_path, epochs=1)
    ends: list[tuple[dict[str, torch.Tensor], Any, dict[str, Any]]] = []
    for name, stamps in (("disk", str(rings.stamps)), ("s3", s3.put(rings.stamps, "rings/stamps"))):
        out = tmp_path / name
        arguments = ["--stamps", stamps, "--out", str(out), "--settings", str(settings), "--device", "cpu"]
        assert train.main(arguments) == 0
        assert train.main(arguments) == 0, "the same command again finds the run finished"
        checkpoint, scores = str(out / "best.pt"), str(out / "scores")
        if name == "s3":
            checkpoint = s3.put_bytes("rings/best.pt", (out / "best.pt").read_bytes())
        assert score.main(["--stamps", stamps, "--checkpoint", checkpoint, "--out", scores, "--device", "cpu"]) == 0
        table = [read_table(path, SCORES) for path in sorted((out / "scores").rglob("*.parquet"))]
        if name == "s3":
            scores = s3.put(out / "scores", "rings/scores")
        metrics = out / "metrics.json"
        assert evaluate.main(["--scores", scores, "--stamps", stamps, "--out", str(metrics), "--draws", "20"]) == 0
        ends.append((load_checkpoint(out / "last.pt", CPU).network.state_dict(), table, json.loads(metrics.read_text())))
    (weights, scored, figures), (weights_s3, scored_s3, figures_s3) = ends
    assert all(torch.equal(weights[key], weights_s3[key]) for key in weights)
    assert [a.equals(b) for a, b in zip(scored, scored_s3, strict=True)] == [True] * len(scored) != []
    assert figures == figures_s3


def test_an_object_that_shrinks_while_it_is_read_is_a_broken_contract(s3: S3Store, many: StampsDirectory, address: str) -> None:
    catalogue = load_catalogue(location(address), "train", COLUMNS)
    reader = RowGroupReader(catalogue)
    last = int(np.flatnonzero(catalogue.group_file == 2)[-1])
    reader.read(last)
    key = catalogue.files[2].removeprefix(f"s3://{BUCKET}/")
    content = (many.stamps / key.removeprefix("many/stamps/")).read_bytes()
    try:
        s3.put_bytes(key, content[:1000])
        with pytest.raises(ContractError, match=rf"{key}, row group \d+"):
            reader.read(last)
    finally:
        s3.put_bytes(key, content)
        reader.close()


def test_a_reading_process_that_is_refused_ends_the_run_with_that_error(s3: S3Store, address: str) -> None:
    catalogue = load_catalogue(location(address), "val", COLUMNS)
    with s3.refusing_everybody(), pytest.raises(LocationError, match="access denied"):
        list(SplitBatches(catalogue, DataSettings(workers=1, lanes=4)))
