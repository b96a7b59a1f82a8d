"""The stand-in as a directory: counted, resumable, and read by everything that reads stamps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import standin_gallery
import standin_sky
from standin_identity import Identity
from standin_settings import SEED, Settings
from standin_stamp import make_row

from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.run_record import RunError, read_run, run_files
from schemas.scores import SCORES
from schemas.stamps import STAMP_INDEX, STAMPS
from tests.conftest import REPOSITORY
from tests.deploy.proof.conftest import LENSES, NEGATIVES
from tests.synthetic_stamps import write_stamps_directory


def small(out: Path, lenses: int, negatives: int, workers: int = 1) -> int:
    asked = ["--lenses", str(lenses), "--negatives", str(negatives), "--workers", str(workers)]
    return standin_sky.main(["--out", str(out), *asked])


def all_rows(out: Path) -> list[dict[str, Any]]:
    return [row for file in run_files(out, STAMPS, "split=test/") for row in read_table(file, STAMPS).to_pylist()]


def test_the_record_counts_what_was_made_and_what_was_refused(standin: Path) -> None:
    record = read_run(standin)
    counts = record["counts"]
    assert counts["rows"] == LENSES + NEGATIVES
    assert counts["by_kind"]["lens"] == LENSES
    refused = sum(number for name, number in counts["draws"].items() if name != "n_drawn")
    assert counts["draws"]["n_drawn"] == LENSES + refused
    assert (record["run_seed"], record["recipe_hash"]) == (SEED, Settings().recipe_hash)


def test_the_index_equals_the_stamps_row_by_row(standin: Path) -> None:
    (path,) = run_files(standin, STAMP_INDEX, "index/split-test.parquet")
    index = read_table(path, STAMP_INDEX).to_pylist()
    place = 0
    for file in run_files(standin, STAMPS, "split=test/"):
        for number, row in enumerate(read_table(file, STAMPS).to_pylist()):
            row.pop("stamp_npz")
            assert index[place] == row | {"file": file.relative_to(standin).as_posix(), "row": number}
            place += 1
    assert place == len(index) == LENSES + NEGATIVES
    assert len({row["task_id"] for row in index}) == len({row["host_id"] for row in index}) == len(index)


def test_an_object_made_alone_is_the_one_in_the_file(standin: Path) -> None:
    rows = {row["host_id"]: row for row in all_rows(standin)}
    for identity in (Identity("lens", 1), Identity("negative", 7)):
        assert make_row(Settings(), identity) | {"shard": 0} == rows[f"standin-{identity.name}"]


def test_arcs_are_as_bright_as_known_ones(standin: Path) -> None:
    (path,) = run_files(standin, STAMP_INDEX, "index/")
    lenses = [row for row in read_table(path, STAMP_INDEX).to_pylist() if row["label"] == 1]
    for row in lenses:
        assert 19.5 < row["injected_mag_r"] < 23
        assert 0.005 < row["arc_to_host_flux"] < 0.8
        assert 0.6 <= row["theta_e_arcsec"] <= 2.5


def test_a_finished_sky_is_left_alone_and_another_is_refused(standin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in standin.rglob("*.parquet")}
    assert small(standin, LENSES, NEGATIVES) == 0
    assert "holds this sky already: 21 objects (" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in standin.rglob("*.parquet")} == before
    with pytest.raises(RunError, match=r"holds another run: settings was \{'lenses': 3\} and is now \{'lenses': 4\}"):
        small(standin, LENSES + 1, NEGATIVES)


def test_a_broken_off_sky_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(standin_sky, "_OBJECTS_PER_SHARD", 2)
    real, made = standin_sky.make_shard, []

    def breaks(*arguments: object) -> int:
        made.append(arguments[-1])
        if len(made) == 2:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(standin_sky, "make_shard", breaks)
    with pytest.raises(KeyboardInterrupt):
        small(tmp_path / "sky", 0, 6)
    with pytest.raises(RunError, match="unfinished run"):
        read_run(tmp_path / "sky")
    assert small(tmp_path / "sky", 0, 6) == 0
    assert [shard.number for shard in made] == [0, 1, 1, 2]  # type: ignore[attr-defined]
    assert len(run_files(tmp_path / "sky", STAMPS, "split=test/")) == 3
    assert "dhs standin-sky: 6 objects (control 6)" in capsys.readouterr().out


@pytest.mark.slow  # each process imports lenstronomy
def test_any_number_of_processes_makes_the_same_sky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standin_sky, "_OBJECTS_PER_SHARD", 2)
    assert small(tmp_path / "one", 0, 4) == 0
    assert small(tmp_path / "two", 0, 4, workers=2) == 0
    assert all_rows(tmp_path / "one") == all_rows(tmp_path / "two")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--lenses", "-1"], r"--lenses -1; wanted 0 or more"),
        (["--workers", "0"], r"--workers 0; wanted 1 or more"),
        (["--lenses", "0", "--negatives", "0"], r"asks for no object; wanted at least one"),
    ],
)
def test_a_call_that_asks_for_nothing_is_refused(tmp_path: Path, words: list[str], text: str) -> None:
    with pytest.raises(InputError, match=text):
        standin_sky.main(["--out", str(tmp_path / "sky"), *words])
    assert not (tmp_path / "sky").exists()


def test_networks_are_scored_and_judged_on_it(standin: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.trainer.scoring_runs import run
    from tests.trainer.tiny_training import train_tiny, write_settings
    from trainer import evaluate

    stamps = write_stamps_directory(tmp_path / "made", {"train": 8, "val": 4, "test": 4}, refused_pairs=0).stamps
    assert train_tiny(stamps, tmp_path / "training", write_settings(tmp_path, epochs=1)) == 0
    checkpoint = tmp_path / "training" / "best.pt"
    assert run(tmp_path / "scores", [checkpoint], "--stamps", standin, "--split", "test") == 0
    (file,) = run_files(tmp_path / "scores", SCORES)
    assert read_table(file, SCORES).num_rows == LENSES + NEGATIVES
    metrics = tmp_path / "metrics.json"
    assert evaluate.main(["--scores", str(tmp_path / "scores"), "--stamps", str(standin), "--out", str(metrics)]) == 0
    found = json.loads(metrics.read_text())["splits"]["test"]
    assert (found["n_positive"], found["n_negative"], found["interval_unit"]) == (LENSES, NEGATIVES, "cell")
    assert found["n_distinct_negative"] == NEGATIVES


def test_the_data_gates_take_it(standin: Path) -> None:
    pytest.importorskip("sklearn")
    from schemas.locations import location
    from trainer.gates.gated_stamps import gather_stamps

    stamps = gather_stamps(location(str(standin)), "test", 10**6, 1)
    assert int(stamps.lens.sum()) == LENSES
    assert len(stamps.pairs[0]) == 0  # its plain galaxies are a parent sample, nobody's pair


def test_the_gallery_shows_a_row_a_kind(standin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "sky.png"
    assert standin_gallery.main(["--stamps", str(standin), "--out", str(picture), "--each", "3"]) == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert f"kinds in {picture}" in capsys.readouterr().out


def test_help_is_quick_and_nothing_of_spark_jobs_or_the_trainer_is_imported() -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); import standin_sky, standin_stamp; print(*sys.modules)"
    folder = str(REPOSITORY / "deploy" / "proof")
    loaded = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in loaded if name.split(".")[0] in ("spark_jobs", "trainer", "torch", "pyspark")]
