"""Batches: every stamp once, the same for any number of workers, new order each epoch also where workers persist."""

from __future__ import annotations

import itertools
import time
from collections import deque
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from schemas.array_codec import decode_stamp, encode_stamp
from schemas.contract import ContractError
from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.stamps import STAMPS
from schemas.survey import BANDS
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.tiny_training import COLUMNS, rewrite_stamps, small_stamps
from trainer.batch_ring import STANDING, BatchRing
from trainer.row_groups import RowGroupReader
from trainer.sample_order import OrderPlan
from trainer.stamp_catalogue import StampCatalogue, load_catalogue
from trainer.stamp_loading import SplitBatches, TrainingBatches, automatic_workers
from trainer.stamp_reader import BatchKey, ShuffledStamps, StampBatch
from trainer.train_settings import DataSettings

IN_LINE = DataSettings(workers=0)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    """Several row groups of small stamps: 1198 kept of 1200; read only."""
    return small_stamps(tmp_path_factory.mktemp("many"), train_pairs=600, size=8)


def plan_of(catalogue: StampCatalogue, batch: int = 64, lanes: int = 4) -> OrderPlan:
    return OrderPlan(catalogue.group_sizes, lanes, batch, shuffle_groups=2, seed=3)


def names_of(batches: TrainingBatches, epoch: int) -> list[str]:
    """Task ids of an epoch in order, padding left out."""
    return [
        name
        for batch in batches.epoch(epoch)
        for name, weight in zip(batch.task_ids, batch.weights.tolist(), strict=True)
        if weight
    ]


def test_an_epoch_has_every_kept_stamp_once_and_batches_of_one_shape(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    batches = list(TrainingBatches(catalogue, plan_of(catalogue), IN_LINE).epoch(0))
    assert {tuple(batch.images.shape) for batch in batches} == {(64, 3, 8, 8)}
    assert sum(batch.weights.sum() for batch in batches) == 1198
    names = names_of(TrainingBatches(catalogue, plan_of(catalogue), IN_LINE), 0)
    table = read_table(Path(catalogue.files[0]), STAMPS, ["task_id", "reasons"]).to_pylist()
    assert sorted(names) == sorted(row["task_id"] for row in table if not row["reasons"])


def test_each_stamp_carries_its_own_pixels_label_and_metadata(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    rows = {row["task_id"]: row for row in read_table(Path(catalogue.files[0]), STAMPS).to_pylist()}
    for batch in TrainingBatches(catalogue, plan_of(catalogue), IN_LINE).epoch(1):
        for n, name in enumerate(batch.task_ids):
            row = rows[name]
            assert np.array_equal(batch.images[n].numpy(), decode_stamp(row["stamp_npz"]))
            assert batch.labels[n] == row["label"]
            assert batch.metadata[n].tolist() == [row[name] for name in COLUMNS]


def test_lenses_and_controls_are_mixed_in_every_batch(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    shares = [batch.labels.mean().item() for batch in TrainingBatches(catalogue, plan_of(catalogue), IN_LINE).epoch(0)]
    assert min(shares[:-1]) > 0.2 and max(shares[:-1]) < 0.8


def test_persistent_workers_read_a_new_order_each_epoch_and_the_one_that_no_worker_would(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    alone = TrainingBatches(catalogue, plan_of(catalogue), IN_LINE)
    helped = TrainingBatches(catalogue, plan_of(catalogue), DataSettings(workers=2))
    first, second = names_of(helped, 0), names_of(helped, 1)
    assert first != second and sorted(first) == sorted(second)
    assert first == names_of(alone, 0) and second == names_of(alone, 1)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_passing_batch_stands_as_it_is_while_two_more_are_asked_for(many: StampsDirectory, workers: int) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    batches = TrainingBatches(catalogue, plan_of(catalogue), DataSettings(workers=workers))
    standing: deque[tuple[StampBatch, StampBatch]] = deque(maxlen=STANDING + 1)
    seen = 0
    for epoch in range(2):
        for batch in batches.passing(epoch):
            standing.append((batch, batch.copy()))
            time.sleep(0.002)  # for the workers to write what they are asked for ahead
            assert all(torch.equal(there.images, copy.images) for there, copy in standing)
            seen += 1
    assert seen == 2 * plan_of(catalogue).batches > 5 * STANDING


def test_two_ranks_together_see_what_one_rank_sees_batch_by_batch(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    plan = plan_of(catalogue)
    one = list(TrainingBatches(catalogue, plan, IN_LINE).epoch(2))
    ranks = [list(TrainingBatches(catalogue, plan, IN_LINE, rank=rank, world_size=2).epoch(2)) for rank in (0, 1)]
    assert len(one) == len(ranks[0]) == len(ranks[1])
    for whole, left, right in zip(one, *ranks, strict=True):
        assert sorted(whole.task_ids) == sorted(left.task_ids + right.task_ids)
        assert whole.weights.sum() == left.weights.sum() + right.weights.sum()


def test_an_epoch_can_be_taken_up_in_its_middle(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    whole = [batch.task_ids for batch in TrainingBatches(catalogue, plan_of(catalogue), IN_LINE).epoch(4)]
    rest = [batch.task_ids for batch in TrainingBatches(catalogue, plan_of(catalogue), IN_LINE).epoch(4, first_batch=7)]
    assert rest == whole[7:]


def test_a_row_group_is_read_once_an_epoch_but_for_the_borders_of_lanes(
    many: StampsDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    read: list[int] = []
    original = RowGroupReader.read
    monkeypatch.setattr(RowGroupReader, "read", lambda self, group: (read.append(group), original(self, group))[1])
    list(TrainingBatches(catalogue, plan_of(catalogue), IN_LINE).epoch(0))
    assert len(read) <= len(catalogue.group_sizes) + 3


def test_a_lane_lets_go_of_row_groups_that_it_has_used_up(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    ring = BatchRing.make(catalogue, 1, 64, shared=False, pin=False)
    dataset = ShuffledStamps(catalogue, plan_of(catalogue, lanes=1), ring)
    held = []
    for number in range(plan_of(catalogue, lanes=1).batches):
        dataset[BatchKey(0, 0, number)]
        held.append(len(dataset._lanes[0].loaded))
    assert max(held) <= 2 and held[-1] == 0  # shuffle_groups of the plan


def test_row_groups_without_a_kept_row_are_never_read(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, train_pairs=200, size=8)
    number = itertools.count()
    refused = {"reasons": 4096, "stamp_npz": None}
    rewrite_stamps(directory, "train", lambda row: row | refused if next(number) < 256 else row)
    catalogue = load_catalogue(directory.stamps, "train", COLUMNS)
    assert catalogue.group_sizes[0] == 0
    names = names_of(TrainingBatches(catalogue, plan_of(catalogue, batch=16), IN_LINE), 0)
    assert len(names) == catalogue.samples
    assert sum(len(batch.stamps.task_ids) for batch in SplitBatches(catalogue, IN_LINE)) == catalogue.samples


def test_a_micro_batch_is_a_function_of_its_key_whatever_was_asked_before(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    dataset = ShuffledStamps(catalogue, plan_of(catalogue), BatchRing.make(catalogue, 1, 64, shared=False, pin=False))
    straight = [dataset[BatchKey(0, 1, n)].task_ids for n in range(5)]
    dataset[BatchKey(3, 1, 2)]
    assert [dataset[BatchKey(0, 1, n)].task_ids for n in (4, 3, 2, 1, 0)] == straight[::-1]


def test_padding_repeats_real_stamps_with_weight_zero(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    last = list(TrainingBatches(catalogue, plan_of(catalogue), IN_LINE).epoch(0))[-1]
    padding = last.weights == 0
    assert 0 < padding.sum() < 64
    assert (last.images[padding].abs().amax(dim=(1, 2, 3)) > 0).all()


def test_the_whole_split_comes_in_file_order(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    batches = list(SplitBatches(catalogue, IN_LINE))
    names = [name for batch in batches for name in batch.identity["task_id"].to_pylist()]
    table = read_table(Path(catalogue.files[0]), STAMPS, ["task_id", "reasons"]).to_pylist()
    assert names == [row["task_id"] for row in table if not row["reasons"]]
    assert names == [name for batch in batches for name in batch.stamps.task_ids]


def spoil(directory: StampsDirectory, split: str, count: int) -> None:
    left = iter(range(10_000))
    rewrite_stamps(
        directory,
        split,
        lambda row: row | {"stamp_npz": b"not an npz"} if row["stamp_npz"] and next(left) < count else row,
    )


def test_corrupt_stamps_are_skipped_and_named_up_to_the_limit(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, size=8)
    spoil(directory, "train", 3)
    catalogue = load_catalogue(directory.stamps, "train", COLUMNS)
    batches = list(TrainingBatches(catalogue, plan_of(catalogue, batch=16), DataSettings(workers=0, max_corrupt=3)).epoch(0))
    assert sum(batch.weights.sum() for batch in batches) == catalogue.samples - 3
    assert len([name for batch in batches for name in batch.corrupt]) == 3
    strict = DataSettings(workers=0, max_corrupt=2)
    training = TrainingBatches(catalogue, plan_of(catalogue, batch=16), strict).epoch(0)
    for passes in (training, SplitBatches(catalogue, strict)):
        with pytest.raises(InputError, match=r"3 stamps could not be decoded, first 0000.*at most 2 are skipped"):
            list(passes)


def test_a_stamp_with_a_pixel_that_is_no_number_counts_as_corrupt(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, size=8)
    spoiled = dict.fromkeys(BANDS, np.zeros((8, 8), np.float32)) | {"z": np.full((8, 8), np.nan, np.float32)}
    blob = encode_stamp(spoiled)
    rewrite_stamps(directory, "train", lambda row: row | {"stamp_npz": blob} if row["task_id"].endswith(f"3{1:020d}") else row)
    catalogue = load_catalogue(directory.stamps, "train", COLUMNS)
    (batch,) = SplitBatches(catalogue, IN_LINE)
    names = [name for name in batch.stamps.task_ids if name.endswith(f"3{1:020d}")]
    assert names and sorted(batch.stamps.corrupt) == sorted(names)
    assert batch.stamps.counted == catalogue.samples - len(names) == batch.stamps.weights.sum()
    assert torch.isfinite(batch.stamps.images).all()


def test_a_kept_row_with_a_null_blob_counts_as_corrupt(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, size=8)
    rewrite_stamps(directory, "val", lambda row: row | {"stamp_npz": None} if row["task_id"].endswith("1") else row)
    catalogue = load_catalogue(directory.stamps, "val", COLUMNS)
    (batch,) = SplitBatches(catalogue, IN_LINE)
    assert len(batch.stamps.corrupt) == 7 and torch.equal(batch.stamps.weights, 1 - batch.stamps.labels)


def test_a_byte_flipped_on_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, size=16)
    catalogue = load_catalogue(directory.stamps, "train", COLUMNS)
    path = Path(catalogue.files[0])
    with pq.ParquetFile(path) as parquet:
        group = parquet.metadata.row_group(0)
        blobs = next(group.column(n) for n in range(group.num_columns) if group.column(n).path_in_schema == "stamp_npz")
    content = bytearray(path.read_bytes())
    content[blobs.data_page_offset + blobs.total_compressed_size // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ContractError, match=r"shard-00000.*row group 0"):
        list(SplitBatches(catalogue, IN_LINE))


def test_automatic_workers_divide_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, workers in ((1, 0), (2, 0), (4, 2), (6, 4), (64, 8)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert automatic_workers(8) == workers


def test_workers_that_do_not_divide_the_lanes_are_refused(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    with pytest.raises(InputError, match=r"4 lanes a rank and 3 reading processes"):
        TrainingBatches(catalogue, plan_of(catalogue), DataSettings(workers=3))


def test_a_lane_without_a_sample_gives_blank_padding(many: StampsDirectory) -> None:
    catalogue = load_catalogue(many.stamps, "train", COLUMNS)
    plan = replace(plan_of(catalogue), group_sizes=np.array([1, *[0] * (len(catalogue.group_sizes) - 1)]))
    ring = BatchRing.make(catalogue, 1, 64, shared=False, pin=False)
    note = ShuffledStamps(catalogue, plan, ring)[BatchKey(0, 0, 0)]
    batch = ring.batch(0, [note])
    assert batch.weights.sum() == 0 and not batch.images.any()
