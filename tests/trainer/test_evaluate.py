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
from tests.synthetic_stamps import StampsDirectory
from tests.trainer import report_runs
from trainer import evaluate


def write_scores(directory: Path, splits: dict[str, list[dict[str, Any]]], file: str = "split-{}.parquet") -> Path:
    identity = RunIdentity("score", "test", "5ca1ab1e5ca1ab1e", 7)
    begin_run(directory, identity)
    paths = []
    for split, rows in splits.items():
        paths.append(directory / file.format(split))
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
    assert [rate["fpr"] for rate in test["tpr_at_fpr"]] == [0.1, 0.01, 0.001, 0.0001]
    rate = test["tpr_at_fpr"][1]
    assert (rate["n_negative"], rate["expected_false_positives"], rate["supported"]) == (200, 2.0, False)
    assert rate["low"] <= rate["tpr"] <= rate["high"] and rate["fpr_found"] <= 0.01
    assert test["roc"]["fpr"][0] == 0 and test["roc"]["tpr"][-1] == 1
    said = capsys.readouterr().out
    assert "test: AUC" in said and f"TPR {rate['tpr']:.3f} at FPR 0.01, not supported, 200 lenses, 200 negatives" in said


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
    assert test["calibration"] is None and test["by_condition"] is None and test["by_kind"] == []
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


def test_scores_lie_below_split_in_either_layout_and_members_are_not_read(tmp_path: Path) -> None:
    old = metrics(tmp_path / "old", {"test": rows()})["splits"]
    half = len(rows()) // 2
    directory = write_scores(tmp_path / "new", {"test": rows()[:half]}, "split={}/shard-0.parquet")
    for name, part in (("split=test/shard-1", rows()[half:]), ("members/0/split=test/shard-0", rows(shift=0.0))):
        table = pa.Table.from_pylist([row | {"split": "test"} for row in part], SCORES.arrow_schema())
        write_table(directory / f"{name}.parquet", table, SCORES, Provenance("test"))
    identity = RunIdentity("score", "test", "5ca1ab1e5ca1ab1e", 7)
    finish_run(directory, identity, sorted(directory.rglob("*.parquet")), {}, {})
    assert evaluate.main(["--scores", str(directory), "--out", str(tmp_path / "m.json")]) == 0
    assert json.loads((tmp_path / "m.json").read_text())["splits"] == old


def test_replicates_of_a_control_do_not_support_a_rate(tmp_path: Path) -> None:
    again = [row | {"task_id": f"a{k}{row['task_id'][2:]}"} for k in range(9) for row in rows() if row["kind"] == "control"]
    test = metrics(tmp_path, {"test": rows() + again})["splits"]["test"]
    assert (test["n_negative"], test["n_distinct_negative"], test["negatives_by_kind"]) == (2000, 200, {"control": 2000})
    assert [rate["n_negative"] for rate in test["tpr_at_fpr"]] == [200] * 4
    assert [rate["supported"] for rate in test["tpr_at_fpr"]] == [True, False, False, False]


def test_a_temperature_is_fitted_on_val_and_shown_elsewhere(tmp_path: Path) -> None:
    def too_sure(seed_rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row | {"logit": 2 * (2 * row["logit"] - 2)} for row in seed_rows]  # 2 z - 2 is right for a shift of two

    content = metrics(tmp_path, {"val": too_sure(rows(800)), "test": too_sure(rows(600))})
    temperature, test, val = content["temperature"], *(content["splits"][name]["calibration"] for name in ("test", "val"))
    assert temperature["fitted_on"] == "val" and temperature["why"] is None
    assert temperature["low"] < 2 < temperature["high"] and temperature["low"] < temperature["value"] < temperature["high"]
    assert test["after"]["ece"]["value"] < test["before"]["ece"]["value"] and test["why_no_after"] is None
    assert test["after"]["brier"]["value"] < test["before"]["brier"]["value"]
    assert val["after"] is None and val["why_no_after"] == "the temperature was fitted on this split, val"
    assert content["splits"]["test"]["prevalence"] == 0.5
    assert sum(b["n"] for b in test["before"]["bins"]) == 600


def test_without_val_there_is_no_temperature_and_the_reason_is_said(tmp_path: Path) -> None:
    content = metrics(tmp_path / "a", {"test": rows()})
    why = "the val split was not scored"
    assert content["temperature"] == {"value": None, "low": None, "high": None, "fitted_on": "val", "why": why}
    calibration = content["splits"]["test"]["calibration"]
    assert calibration["after"] is None and calibration["why_no_after"] == why and calibration["before"]["ece"]["value"] > 0
    content = metrics(tmp_path / "b", {"test": rows(), "val": rows(labels=(1,))})
    assert content["temperature"]["why"] == "400 lenses and 0 negatives; wanted some of both"
    assert content["splits"]["val"]["calibration"] is None and content["splits"]["test"]["calibration"] is not None


def test_purity_on_the_sky_stands_beside_each_rate_that_is_supported(tmp_path: Path) -> None:
    rates = metrics(tmp_path, {"test": rows()})["splits"]["test"]["tpr_at_fpr"]
    for purity in rates[0]["purity"]:
        odds = purity["prevalence"] / (1 - purity["prevalence"]) * rates[0]["tpr"] / rates[0]["fpr_found"]
        assert purity["value"] == pytest.approx(odds / (1 + odds)) and purity["low"] < purity["value"] < purity["high"]
    assert [purity["prevalence"] for purity in rates[0]["purity"]] == [1e-4, 5e-4]
    for purity in rates[1]["purity"]:
        assert purity["value"] is None and "wanted at least 10" in purity["why"]


def test_with_the_stamps_the_figures_are_given_by_condition(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    scores = report_runs.write_scores(stamps_directory, tmp_path / "scores")
    arguments = ["--scores", str(scores), "--out", str(tmp_path / "m.json"), "--draws", "20"]
    assert evaluate.main(arguments) == 0
    without = json.loads((tmp_path / "m.json").read_text())["splits"]["test"]
    assert without["by_condition"] is None and without["why_no_conditions"] == "no stamps were given to take conditions from"
    assert evaluate.main([*arguments, "--stamps", str(stamps_directory.stamps)]) == 0
    test = json.loads((tmp_path / "m.json").read_text())["splits"]["test"]
    assert list(test["by_condition"]) == ["theta_e_over_fwhm", "arc_snr", "psf_depth_r_mag", "psf_fwhm_r_arcsec"]
    assert {**test, "by_condition": None, "why_no_conditions": without["why_no_conditions"]} == without
    snr = test["by_condition"]["arc_snr"]
    assert snr["edges_are"] == "fixed" and sum(cell["n_positive"] for cell in snr["cells"]) == 22
    assert snr["cells"][-1]["upper"] is None and snr["cells"][0]["why"] is not None
    (kind,) = test["by_kind"]
    assert kind["kind"] == "control" and kind["auc"]["value"] == 1.0 and "supported by the split's 22" in kind["why"]


def test_help_shows_both_uses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        evaluate.main(["--help"])
    said = capsys.readouterr().out
    assert "dhs evaluate --scores scores --out metrics.json" in said and "--scores scores --stamps stamps" in said
