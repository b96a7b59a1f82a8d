"""One shard: a row for every task whatever its cutout, each split in its own file, the same bytes when it is done again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from schemas.array_codec import BlobError
from schemas.content_hash import content_hash
from schemas.contract import Contract
from schemas.contract_files import Provenance, header_of, open_parquet, read_table, write_table
from schemas.cutouts import CUTOUTS
from schemas.finished_files import describe_file
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.stamps import STAMPS
from schemas.tasks import TASKS
from spark_jobs.transforms.simulation.inject_shard import InjectSettings, ShardTask, inject_shard, shard_rows
from spark_jobs.transforms.simulation.make_stamp import StampMaker
from tests.spark_jobs.small_hosts import host_row
from tests.spark_jobs.small_lenses import recipe_with
from tests.spark_jobs.small_tasks import SIZE, control_task, cutout_row, lens_task, refused_cutout

Row = dict[str, Any]
RECIPE = recipe_with(
    "realistic", noise={"law": "shot", "gain": "1e4 electron/nmgy"}, accept=None, stamp={"size": f"{SIZE} pix"}
)
PROVENANCE = Provenance("test", RECIPE.recipe_hash, 3, "test")


def pair(number: int, split: str = "train") -> list[Row]:
    """Lens and control of host ``number``."""
    who = {"host_id": f"9010-1-{number}", "pair_id": f"{number:032d}", "split": split}
    return [lens_task(task_id=f"{number:031d}1", **who), control_task(task_id=f"{number:031d}0", **who)]


def write_shard(root: Path, tasks: Sequence[Row], cutouts: Sequence[Row], splits: Sequence[str] = ("train",)) -> ShardTask:
    """Tasks, hosts and cutouts files of a shard, nothing made yet."""
    hosts = [host_row(int(name.split("-")[2]), 59.0, -30.0, "0591m305") for name in dict.fromkeys(t["host_id"] for t in tasks)]

    def write(name: str, rows: Sequence[Row], contract: Contract) -> Path:
        table = pa.Table.from_pylist([{c: row[c] for c in contract.names} for row in rows], contract.arrow_schema())
        write_table(root / name, table, contract, PROVENANCE)
        return root / name

    stamps = {split: root / f"split={split}" / "shard.parquet" for split in splits}
    cut = root / "cutouts.parquet"
    if cutouts:
        write("cutouts.parquet", cutouts, CUTOUTS)
    return ShardTask(write("tasks.parquet", tasks, TASKS), write("hosts.parquet", hosts, HOSTS), cut, stamps)


def made(shard: ShardTask) -> list[Row]:
    described = inject_shard(InjectSettings(RECIPE, None, PROVENANCE, Path("/")), shard)
    assert described == [describe_file(path, Path("/")) for path in shard.stamps.values()]
    return [row for path in shard.stamps.values() for row in read_table(path, STAMPS).to_pylist()]


def cutout_of(number: int, **changes: Any) -> Row:
    return cutout_row(host_id=f"9010-1-{number}", **changes)


def test_every_task_has_a_row_and_a_refused_or_missing_cutout_flags_it(tmp_path: Path) -> None:
    tasks = [task for number in range(4) for task in pair(number)]
    told = int(Reason.MASKED_PIXELS | Reason.PSF_UNKNOWN)
    cutouts = [cutout_of(3), refused_cutout(told) | {"host_id": "9010-1-1"}, cutout_of(0), cutout_of(77)]
    rows = made(write_shard(tmp_path, tasks, cutouts))
    assert [row["host_id"] for row in rows] == [f"9010-1-{n}" for n in (3, 3, 1, 1, 0, 0, 2, 2)]  # as cut, the missing last
    assert sorted(row["task_id"] for row in rows) == sorted(task["task_id"] for task in tasks)
    assert [row["reasons"] for row in rows] == [0, 0, told, told, 0, 0, *[Reason.CUTOUT_MISSING] * 2]
    assert [row["stamp_npz"] is None for row in rows] == [bool(row["reasons"]) for row in rows]
    gone = rows[-1]
    assert (gone["ra_deg"], gone["brickname"], gone["mag_raw_r"]) == (59.0, "0591m305", 18.8)
    assert (gone["size_pix"], gone["x_centre_pix"]) == (None, None)


def test_without_any_cutouts_file_every_task_is_flagged(tmp_path: Path) -> None:
    rows = made(write_shard(tmp_path, [*pair(0), *pair(1)], []))
    assert [row["reasons"] for row in rows] == [Reason.CUTOUT_MISSING] * 4


def test_rows_go_to_the_file_of_their_split(tmp_path: Path) -> None:
    splits = ("train", "val", "test")
    tasks = [task for number in range(6) for task in pair(number, splits[number % 3])]
    shard = write_shard(tmp_path, tasks, [cutout_of(n) for n in range(6)], splits)
    made(shard)
    for number, (split, path) in enumerate(shard.stamps.items()):
        rows = read_table(path, STAMPS).to_pylist()
        assert {row["split"] for row in rows} == {split}
        assert [row["host_id"] for row in rows[::2]] == [f"9010-1-{number}", f"9010-1-{number + 3}"]
        with open_parquet(path, STAMPS) as file:
            assert header_of(path, file)["recipe_hash"] == RECIPE.recipe_hash


def test_a_stamp_is_the_same_alone_and_in_any_company(tmp_path: Path) -> None:
    together = write_shard(tmp_path / "a", [task for n in range(4) for task in pair(n)], [cutout_of(n) for n in range(4)])
    rows = {row["task_id"]: row for row in made(together)}
    for number in range(4):
        alone = StampMaker(RECIPE, None).host_rows(pair(number), cutout_of(number), dict.fromkeys("grz", 18.8))
        assert [rows[row["task_id"]] for row in alone] == alone
    lenses = [row["stamp_npz"] for row in rows.values() if row["label"]]
    assert len(set(lenses)) == 4  # each has its own shot noise
    one = [write_shard(tmp_path / f"b{n}", pair(n), [cutout_of(n)]) for n in (2, 0, 3, 1)]
    for shard in one:
        made(shard)
    assert content_hash([s.stamps["train"] for s in one]) == content_hash([together.stamps["train"]])


def test_what_stands_is_left_alone_and_what_is_lost_is_made_again_to_the_byte(tmp_path: Path) -> None:
    tasks = [task for number in range(4) for task in pair(number, ("train", "val")[number % 2])]
    shard = write_shard(tmp_path, tasks, [cutout_of(n) for n in range(4)], ("train", "val"))
    made(shard)
    whole = {split: path.read_bytes() for split, path in shard.stamps.items()}
    stands = {split: path.stat().st_mtime_ns for split, path in shard.stamps.items()}
    shard.tasks.rename(tmp_path / "hidden")  # a finished shard reads nothing
    made(replace(shard, stands=True))
    assert {split: path.stat().st_mtime_ns for split, path in shard.stamps.items()} == stands
    (tmp_path / "hidden").rename(shard.tasks)
    shard.stamps["val"].unlink()
    made(shard)
    assert {split: path.read_bytes() for split, path in shard.stamps.items()} == whole


def test_blobs_lie_in_row_groups_that_a_reader_can_hold(tmp_path: Path) -> None:
    tasks = [control_task(task_id=f"{n:032d}", pair_id=None) for n in range(600)]
    shard = write_shard(tmp_path, tasks, [cutout_of(1)])
    made(shard)
    with open_parquet(shard.stamps["train"], STAMPS) as file:
        assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [256, 256, 88]


def test_cutouts_of_another_size_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    shard = write_shard(tmp_path, [*pair(0), *pair(1)], [cutout_of(0), cutout_of(1, size=40)])
    wanted = f"have 40 pixels; recipe realistic makes stamps of {SIZE}. Cut the hosts again with --size {SIZE}"
    with pytest.raises(InputError, match=wanted):
        made(shard)
    assert not list((tmp_path / "split=train").iterdir())


def test_a_damaged_cutout_stops_the_shard_and_leaves_nothing_under_its_name(tmp_path: Path) -> None:
    shard = write_shard(tmp_path, [*pair(0), *pair(1)], [cutout_of(0), cutout_of(1, cutout_npz=b"PK not an npz")])
    with pytest.raises(BlobError, match="not a readable npz"):
        made(shard)
    assert not list((tmp_path / "split=train").iterdir())


def test_rows_come_host_by_host_so_that_memory_holds_one(tmp_path: Path) -> None:
    shard = write_shard(tmp_path, [task for n in range(3) for task in pair(n)], [cutout_of(n) for n in range(3)])
    batches = shard_rows(StampMaker(RECIPE, None), shard)
    assert [{row["host_id"] for row in rows} for rows in batches] == [{f"9010-1-{n}"} for n in range(3)]
