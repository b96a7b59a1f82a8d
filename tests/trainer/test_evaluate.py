"""The metrics file: figures with intervals and counts, and null with a reason where there is no figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.contract_files import Provenance, write_table
from schemas.job_entry import InputError
from schemas.run_record import RunError, RunIdentity, begin_run, finish_run
from schemas.scores import SCORES
from trainer import evaluate


def write_scores(directory: Path, splits: dict[str, list[dict[str, Any]]]) -> Path:
    identity = RunIdentity("score", "test", "5ca1ab1e5ca1ab1e", 7)
    begin_run(directory, identity)
    paths = []
    for split, rows in splits.items():
        paths.append(directory / f"split-{split}.parquet")
        table = pa.Table.from_pylist([row | {"split": split} for row in rows], SCORES.arrow_schema())
        write_table(paths[-1], table, SCORES, Provenance("test"))
    finish_run(directory, identity, paths, {}, {"checkpoint_hash": "0123456789abcdef"})
    return directory


def rows(n: int = 400, cells: int = 20, shift: float = 2.0, labels: tuple[int, ...] = (0, 1)) -> list[dict[str, Any]]:
    rng = np.random.default_rng(5)
    return [
        {
            "task_id": f"{k:032x}",
            "host_id": f"9010-1-{k // 2}",
            "cell": k // 2 % cells,
            "kind": "lens" if labels[k % len(labels)] == 1 else "control",
            "label": labels[k % len(labels)],
            "logit": float(rng.normal() + shift * labels[k % len(labels)]),
            "checkpoint_hash": "0123456789abcdef",
        }
        for k in range(n)
    ]


def metrics(tmp_path: Path, splits: dict[str, list[dict[str, Any]]], *flags: str) -> dict[str, Any]:
    write_scores(tmp_path / "scores", splits)
    assert evaluate.main(["--scores", str(tmp_path / "scores"), "--out", str(tmp_path / "m" / "metrics.json"), *flags]) == 0
    content: dict[str, Any] = json.loads((tmp_path / "m" / "metrics.json").read_text())
    return content


def test_each_split_has_its_figures_with_intervals_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = metrics(tmp_path, {"val": rows(100, shift=0.5), "test": rows()})
    assert content["checkpoint_hash"] == "0123456789abcdef" and set(content["splits"]) == {"val", "test"}
    test = content["splits"]["test"]
    assert (test["n_positive"], test["n_negative"], test["n_cells"], test["n_hosts"]) == (200, 200, 20, 200)
    assert test["interval_unit"] == "cell" and test["negatives_by_kind"] == {"control": 200}
    assert test["auc"]["low"] < test["auc"]["value"] < test["auc"]["high"] and test["auc"]["value"] > 0.85
    first = test["tpr_at_fpr"][0]
    assert (first["fpr"], first["n_negative"], first["expected_false_positives"], first["supported"]) == (0.01, 200, 2.0, False)
    assert first["low"] <= first["tpr"] <= first["high"]
    assert test["roc"]["fpr"][0] == 0 and test["roc"]["tpr"][-1] == 1
    said = capsys.readouterr().out
    assert "test: AUC" in said and "not supported" in said and "200 lenses, 200 negatives" in said


def test_the_same_seed_gives_the_same_file_and_another_other_intervals(tmp_path: Path) -> None:
    intervals = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        intervals.append(metrics(tmp_path / name, {"test": rows()}, "--seed", seed)["splits"]["test"]["auc"])
    assert intervals[0] == intervals[1] != intervals[2] and intervals[0]["value"] == intervals[2]["value"]


def test_few_cells_are_said_and_hosts_drawn_instead(tmp_path: Path) -> None:
    assert metrics(tmp_path, {"test": rows(cells=9)})["splits"]["test"]["interval_unit"] == "host"


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_gives_null_and_a_reason_never_a_half(tmp_path: Path, label: int, capsys: pytest.CaptureFixture[str]) -> None:
    test = metrics(tmp_path, {"test": rows(labels=(label,))})["splits"]["test"]
    assert test["auc"] is None and test["tpr_at_fpr"] == [] and test["roc"] == {"fpr": [], "tpr": []}
    assert test["why"] == f"{400 * label} lenses and {400 * (1 - label)} negatives; wanted some of both"
    assert "no AUC" in capsys.readouterr().out


def test_unknown_labels_and_missing_scores_are_counted_and_left_out(tmp_path: Path) -> None:
    unknown = rows(40, labels=(-1,))
    nameless = [row | {"logit": float("nan")} for row in rows(6)]
    with_all = metrics(tmp_path / "a", {"test": rows() + unknown + nameless})["splits"]["test"]
    without = metrics(tmp_path / "b", {"test": rows()})["splits"]["test"]
    assert (with_all["n_unknown_label"], with_all["n_unscored"]) == (40, 6)
    assert with_all["auc"] == without["auc"]


def test_scores_that_are_not_finished_or_empty_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"holds no run"):
        evaluate.main(["--scores", str(tmp_path), "--out", str(tmp_path / "m.json")])
    write_scores(tmp_path / "empty", {})
    with pytest.raises(InputError, match="finished run without scores"):
        evaluate.main(["--scores", str(tmp_path / "empty"), "--out", str(tmp_path / "m.json")])
    with pytest.raises(InputError, match="at least one draw"):
        evaluate.main(["--scores", str(tmp_path / "empty"), "--out", str(tmp_path / "m.json"), "--draws", "0"])
