"""Scores file by file: resumed, shared, by committees; the same rows whichever way they came about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.run_record import RunError, read_run
from schemas.scores import SCORES
from schemas.stamps import STAMPS
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.scoring_runs import logits, run
from tests.trainer.tiny_training import small_stamps, train_tiny, write_settings
from trainer import evaluate, scored_files
from trainer.checkpoint import checkpoint_hash
from trainer.committee import combined_logits
from trainer.scored_files import shares

REPOSITORY = Path(__file__).resolve().parents[2]


def test_each_stamps_file_has_a_scores_file_of_its_name_with_its_rows_in_order(
    several: StampsDirectory, networks: list[Path], tmp_path: Path
) -> None:
    run(tmp_path, networks[:1], "--stamps", several.stamps)
    stamps = sorted((several.stamps / "split=test").glob("*.parquet"))
    scores = sorted((tmp_path / "split=test").glob("*.parquet"))
    assert [path.name for path in scores] == [path.name for path in stamps] and len(scores) == 3
    for one, other in zip(stamps, scores, strict=True):
        rows = read_table(one, STAMPS, ["task_id", "reasons"]).to_pylist()
        assert read_table(other, SCORES)["task_id"].to_pylist() == [row["task_id"] for row in rows if row["reasons"] == 0]
    assert [entry["path"] for entry in read_run(tmp_path)["files"]] == [f"split=test/{path.name}" for path in stamps]


def test_a_run_that_was_cut_off_inside_a_file_keeps_the_files_that_stand_and_ends_the_same(
    several: StampsDirectory, networks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "whole", networks[:2], "--stamps", several.stamps)
    with monkeypatch.context() as patched:
        real, calls = scored_files._score_batch, iter(range(10))

        def cut(*arguments: Any) -> None:
            if next(calls) == 1:
                raise KeyboardInterrupt
            real(*arguments)

        patched.setattr(scored_files, "_score_batch", cut)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", networks[:2], "--stamps", several.stamps)
    (first,) = (tmp_path / "cut" / "split=test").glob("*.parquet")
    before = first.stat().st_mtime_ns
    run(tmp_path / "cut", networks[:2], "--stamps", several.stamps)
    assert first.stat().st_mtime_ns == before
    files = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.parquet")}
    assert len(files) == 9
    for name in files:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes(), name


def test_a_run_that_was_cut_off_before_its_record_only_writes_the_record(
    several: StampsDirectory, networks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, networks[:2], "--stamps", several.stamps)
    records = {path: path.read_text() for path in tmp_path.rglob("_run.json")}
    assert len(records) == 3
    (tmp_path / "_run.json").unlink()
    monkeypatch.setattr(scored_files, "_score_batch", lambda *_: pytest.fail("a stamp was scored again"))
    run(tmp_path, networks[:2], "--stamps", several.stamps)
    for path, text in records.items():
        assert json.loads(path.read_text()) | {"finished_utc": ""} == json.loads(text) | {"finished_utc": ""}


@given(
    st.dictionaries(st.integers(0, 99), st.integers(0, 1000), max_size=20),
    st.integers(1, 5),
)
def test_files_are_dealt_out_each_once_and_no_rank_has_a_whole_file_more_than_another(rows: dict[int, int], size: int) -> None:
    dealt = shares(rows, size)
    assert len(dealt) == size and sorted(number for numbers in dealt for number in numbers) == sorted(rows)
    loads = [sum(rows[number] for number in numbers) for numbers in dealt]
    assert max(loads) - min(loads) <= max(rows.values(), default=0)


def test_the_closing_line_says_where_stamps_are_of_another_recipe_than_the_network_saw(
    several: StampsDirectory, networks: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "same", networks[:1], "--stamps", several.stamps)
    assert "another recipe" not in capsys.readouterr().out
    content = torch.load(networks[0], weights_only=True)
    content["origin"]["recipe_hash"] = "0" * 16
    torch.save(content, tmp_path / "other.pt")
    run(tmp_path / "other", [tmp_path / "other.pt"], "--stamps", several.stamps)
    assert "(the stamps are of another recipe, " in capsys.readouterr().out


def test_a_committee_combines_what_each_member_says_alone_with_its_own_preparation(
    several: StampsDirectory, networks: list[Path], tmp_path: Path
) -> None:
    alone = []
    for n, network in enumerate(networks):
        run(tmp_path / str(n), [network], "--stamps", several.stamps)
        alone.append(logits(tmp_path / str(n)))
    run(tmp_path / "all", networks, "--stamps", several.stamps, "--combine", "mean-probability")
    together = logits(tmp_path / "all")
    for name, value in together.items():
        wanted = combined_logits(np.array([[one[name]] for one in alone], np.float64), "mean-probability")[0]
        assert value == pytest.approx(wanted, abs=1e-5)
    for n, network in enumerate(networks):
        own = tmp_path / "all" / "members" / checkpoint_hash(network)
        assert logits(own) == alone[n]
        for place, name in [(own, checkpoint_hash(network)), (tmp_path / "all", read_run(tmp_path / "all")["checkpoint_hash"])]:
            for path in (place / "split=test").glob("*.parquet"):
                assert set(read_table(path, SCORES)["checkpoint_hash"].to_pylist()) == {name}
        assert evaluate.main(["--scores", str(own), "--out", str(tmp_path / "m.json"), "--draws", "10"]) == 0
    assert evaluate.main(["--scores", str(tmp_path / "all"), "--out", str(tmp_path / "m.json"), "--draws", "10"]) == 0
    record = read_run(tmp_path / "all")
    assert record["rows"] == len(together) == 14 and record["checkpoint_hash"] not in {
        checkpoint_hash(path) for path in networks
    }


def test_the_order_in_which_members_are_named_changes_nothing(
    several: StampsDirectory, networks: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, networks, "--stamps", several.stamps)
    run(tmp_path, networks[::-1], "--stamps", several.stamps)
    assert "finished; nothing to do" in capsys.readouterr().out
    with pytest.raises(RunError, match=r"'combine': 'median-logit'.* and is now .*'combine': 'lowest'"):
        run(tmp_path, networks, "--stamps", several.stamps, "--combine", "lowest")


def test_what_cannot_be_scored_together_is_refused(several: StampsDirectory, networks: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 checkpoints were given, 1 of them different; wanted each once"):
        run(tmp_path / "out", [networks[0], networks[0]], "--stamps", several.stamps)
    with pytest.raises(InputError, match="--split was given with --cutouts, which have no splits"):
        run(tmp_path / "out", networks[:1], "--cutouts", several.stamps, "--split", "val")
    with pytest.raises(SystemExit):
        run(tmp_path / "out", networks[:1])
    other = small_stamps(tmp_path / "data", size=16)
    train_tiny(other.stamps, tmp_path / "small", write_settings(tmp_path, epochs=1))
    with pytest.raises(InputError, match=r"trained on stamps of 16, 32 pixels; wanted one size"):
        run(tmp_path / "out", [networks[0], tmp_path / "small" / "best.pt"], "--stamps", several.stamps)


@pytest.mark.slow
def test_two_processes_share_the_files_and_write_the_same_scores(
    several: StampsDirectory, networks: list[Path], tmp_path: Path
) -> None:
    run(tmp_path / "one", networks[:2], "--stamps", several.stamps)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "trainer.score"]
    command += ["--checkpoint", *map(str, networks[:2]), "--stamps", str(several.stamps), "--out", str(tmp_path / "two")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--device", "cpu", "--workers", "0"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("dhs score:") == 1
    names = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.parquet")}
    assert names == {path.relative_to(tmp_path / "two") for path in (tmp_path / "two").rglob("*.parquet")} and len(names) == 9
    for name in names:
        assert read_table(tmp_path / "one" / name, SCORES).equals(read_table(tmp_path / "two" / name, SCORES)), name
