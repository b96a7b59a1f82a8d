"""A ranking of galaxies that a person can work through: one entry each, nobody lost, pictures of those that are meant."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.array_codec import encode_arrays
from schemas.candidates import CANDIDATES
from schemas.contract_files import Provenance, read_table, write_table
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError
from schemas.run_record import RunError, RunIdentity, begin_run, finish_run
from schemas.scores import SCORES
from schemas.survey import BANDS
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory
from trainer import select_candidates
from trainer.candidates import ranked_galaxies

HASH = "0123456789abcdef"


def score(task: str, host: str, logit: float, **more: Any) -> dict[str, Any]:
    row = {"task_id": task, "host_id": host, "cell": 1, "split": "parent", "kind": "cutout", "label": -1, "logit": logit}
    return row | {"checkpoint_hash": HASH} | more


def write_scores(directory: Path, rows: list[dict[str, Any]]) -> Path:
    identity = RunIdentity("score", "test")
    begin_run(directory, identity)
    path = directory / "split=parent" / "part.parquet"
    write_table(path, pa.Table.from_pylist(rows, SCORES.arrow_schema()), SCORES, Provenance("test"))
    finish_run(directory, identity, [path], {}, {"checkpoint_hash": HASH})
    return directory


def write_cutouts(directory: Path, hosts: list[str], size: int = 32) -> Path:
    """Cutouts whose galaxies differ in brightness by their number."""
    identity = RunIdentity("cut_hosts", "test")
    begin_run(directory, identity)
    y, x = np.mgrid[:size, :size] - size // 2
    rows = []
    for n, host in enumerate(hosts):
        image = (0.05 * (n + 1) * np.exp(-np.hypot(x, y) / 3)).astype(np.float32)
        blob = encode_arrays({f"image_{band}": image for band in BANDS} | {"maskbits": np.zeros((size, size), np.int32)})
        row: dict[str, Any] = dict.fromkeys(CUTOUTS.names)
        row |= {
            "host_id": host,
            "ra_deg": 10.0 + n,
            "dec_deg": -5.0 - n,
            "brickname": f"{n:04d}m050",
            "cell": n,
            "size_pix": size,
        }
        rows.append(row | {"bands": "grz", "reasons": 0, "cutout_npz": blob})
    path = directory / "part.parquet"
    write_table(path, pa.Table.from_pylist(rows, CUTOUTS.arrow_schema()), CUTOUTS, Provenance("test"))
    finish_run(directory, identity, [path], {}, {})
    return directory


def select(scores: Path, out: Path, *more: str) -> list[dict[str, Any]]:
    assert select_candidates.main(["--scores", str(scores), "--out", str(out), *more]) == 0
    rows: list[dict[str, Any]] = read_table(out / "candidates.parquet", CANDIDATES).to_pylist()
    return rows


@pytest.fixture
def parent(tmp_path: Path) -> tuple[Path, Path]:
    """Scores of five cutouts, one of which could not be read, and the cutouts."""
    hosts = ["a", "b", "c", "d", "e"]
    logits = [1.5, float("nan"), 4.0, -2.0, 1.5]
    rows = [score(host, host, logit) for host, logit in zip(hosts, logits, strict=True)]
    return write_scores(tmp_path / "scores", rows), write_cutouts(tmp_path / "cutouts", hosts)


def test_galaxies_come_by_falling_score_equal_ones_by_name_and_the_unreadable_last(
    parent: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = select(parent[0], tmp_path / "out", "--cutouts", str(parent[1]))
    assert [(row["rank"], row["host_id"]) for row in rows] == [(1, "c"), (2, "a"), (3, "e"), (4, "d"), (None, "b")]
    assert rows[0]["ra_deg"] == 12.0 and rows[0]["dec_deg"] == -7.0 and rows[0]["brickname"] == "0002m050"
    assert rows[0]["p_training"] == pytest.approx(1 / (1 + np.exp(-4.0)))
    assert rows[4]["logit"] is None and rows[4]["p_training"] is None
    assert rows[1]["viewer_url"] == "https://www.legacysurvey.org/viewer?ra=10.00000&dec=-5.00000&layer=ls-dr10&zoom=16"


def test_a_galaxy_with_several_stamps_stands_once_with_the_best_of_them() -> None:
    rows = [score("t3", "a", 1.0), score("t1", "b", 2.0), score("t2", "a", 3.0), score("t4", "a", float("nan"))]
    rows += [score("t6", "c", 3.0), score("t5", "d", 3.0)]
    table = ranked_galaxies(pa.Table.from_pylist(rows, SCORES.arrow_schema())).to_pylist()
    assert [(row["task_id"], row["rank"], row["n_scored"]) for row in table] == [
        ("t2", 1, 3),
        ("t5", 2, 1),
        ("t6", 3, 1),
        ("t1", 4, 1),
    ]


def test_the_table_that_people_open_holds_the_same_rows(parent: tuple[Path, Path], tmp_path: Path) -> None:
    rows = select(parent[0], tmp_path / "out", "--cutouts", str(parent[1]), "--top", "2")
    with open(tmp_path / "out" / "candidates.csv", newline="") as stream:
        read = list(csv.DictReader(stream))
    assert [row["host_id"] for row in read] == [row["host_id"] for row in rows]
    assert read[4]["rank"] == read[4]["logit"] == "" and float(read[0]["logit"]) == 4.0
    assert json.loads((tmp_path / "out" / "_run.json").read_text())["counts"] == {"galaxies": 5, "shown": 2, "unread": 1}


def test_the_page_shows_the_first_ones_and_asks_nothing_of_the_network(parent: tuple[Path, Path], tmp_path: Path) -> None:
    select(parent[0], tmp_path / "out", "--cutouts", str(parent[1]), "--top", "2")
    page = (tmp_path / "out" / "candidates.html").read_text()
    assert page.count("<article") == 2 and page.count('src="data:image/png') == 4
    assert "2 of 5 galaxies" in page and "could not be read: 1. They end the table" in page
    assert "default-src 'none'" in page and "http" not in page.replace("http-equiv", "")


def test_pixels_are_those_of_the_galaxy_that_is_named(parent: tuple[Path, Path]) -> None:
    pytest.importorskip("torch")
    from trainer.candidate_pictures import cutout_images

    images = cutout_images(parent[1], ["d", "a"])
    assert images["d"].max() == pytest.approx(0.2) and images["a"].max() == pytest.approx(0.05)
    with pytest.raises(Exception, match="holds no cutout of host z, which has a score"):
        cutout_images(parent[1], ["z"])


def test_what_is_left_of_a_round_galaxy_is_dark_and_an_arc_is_bright() -> None:
    from trainer.candidate_pictures import residual_picture

    y, x = np.mgrid[:64, :64] - 32
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    arc = 0.02 * np.exp(-(((r - 10) / 1.5) ** 2)) * (np.abs(angle) < 0.4)
    image = np.stack([np.exp(-r / 4) + arc] * 3).astype(np.float32)
    picture = residual_picture(image)
    assert picture[32, 42].sum() > 3 * picture[42, 32].sum()


def test_stamps_of_a_simulation_are_ranked_by_kind_and_called_what_they_are(tmp_path: Path) -> None:
    made: StampsDirectory = write_stamps_directory(tmp_path / "data", {"train": 2, "test": 6}, size=32, refused_pairs=1)
    rows = []
    for n in range(5):
        for label in (1, 0):
            task, kind = f"{1:04d}{n:08d}{label:020d}", "lens" if label else "control"
            rows.append(score(task, f"9010-1-{n}", n + 10.0 * label, split="test", kind=kind, label=label))
    scores = write_scores(tmp_path / "scores", rows)
    both = select(scores, tmp_path / "both", "--stamps", str(made.stamps))
    assert [row["label"] for row in both] == [1] * 5 and both[0]["n_scored"] == 2 and both[0]["ra_deg"] == pytest.approx(10.04)
    page = (tmp_path / "both" / "candidates.html").read_text()
    assert "no sample of the sky" in page and "Paired controls are the hosts of its lenses" in page
    controls = select(scores, tmp_path / "controls", "--stamps", str(made.stamps), "--kind", "control")
    assert [(row["kind"], row["logit"]) for row in controls] == [("control", float(n)) for n in (4, 3, 2, 1, 0)]


def test_a_hostile_name_is_only_text_on_the_page(tmp_path: Path) -> None:
    host = "<script>alert(1)</script>"
    scores = write_scores(tmp_path / "scores", [score(host, host, 1.0)])
    select(scores, tmp_path / "out", "--cutouts", str(write_cutouts(tmp_path / "cutouts", [host])))
    page = (tmp_path / "out" / "candidates.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page


def test_the_same_inputs_give_the_same_bytes_and_a_finished_run_is_left_alone(
    parent: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        select(parent[0], tmp_path / name, "--cutouts", str(parent[1]))
    for file in ("candidates.parquet", "candidates.csv", "candidates.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    select(parent[0], tmp_path / "one", "--cutouts", str(parent[1]))
    assert "finished; nothing to do" in capsys.readouterr().out
    with pytest.raises(RunError, match="holds another run"):
        select(parent[0], tmp_path / "one", "--cutouts", str(parent[1]), "--top", "1")


def test_bad_input_is_refused_before_anything_is_written(parent: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"holds no score of the val split; it holds parent"):
        select(parent[0], out, "--cutouts", str(parent[1]), "--split", "val")
    with pytest.raises(InputError, match=r"holds no score of kind ring of the parent split"):
        select(parent[0], out, "--cutouts", str(parent[1]), "--kind", "ring")
    with pytest.raises(InputError, match=r"--top is 0; wanted 1 to 5000"):
        select(parent[0], out, "--cutouts", str(parent[1]), "--top", "0")
    other = write_cutouts(tmp_path / "other", ["a", "b"])
    with pytest.raises(InputError, match=r"3 of 5 scored galaxies are not in the sample that was given, first 'c'"):
        select(parent[0], out, "--cutouts", str(other))
    with pytest.raises(SystemExit):
        select(parent[0], out)
    assert not out.exists()
