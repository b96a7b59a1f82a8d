"""Scores as arrays: which rows count, which pixels are the same, and conditions that belong to the very task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.scores import SCORES
from schemas.stamps import STAMP_INDEX
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.report_runs import write_scores
from trainer.scored_rows import add_conditions, read_scores, scored_rows


def table(rows: list[dict[str, Any]]) -> pa.Table:
    usual = {"host_id": "h", "cell": 1, "split": "test", "kind": "control", "label": 0, "logit": 0.5, "checkpoint_hash": "c"}
    return pa.Table.from_pylist([usual | {"task_id": f"{n:032d}"} | row for n, row in enumerate(rows)], SCORES.arrow_schema())


def test_controls_of_one_host_are_one_object_and_other_negatives_are_one_each() -> None:
    """Two hosts with three replicates each: a control every time, and two hard negatives of the first."""
    controls = [{"host_id": host} for host in ("a", "b") for _ in range(3)]
    hard = [{"host_id": "a", "kind": kind} for kind in ("ring", "spiral")]
    rows = scored_rows(table([*hard, *controls, {"host_id": "a", "kind": "lens", "label": 1}]))
    assert (rows.n_positive, rows.n_negative, rows.n_distinct_negative) == (1, 8, 4)


def test_rows_without_a_score_or_a_label_are_left_out() -> None:
    rows = scored_rows(
        table([{}, {"logit": float("nan")}, {"label": -1}, {"logit": float("inf")}, {"label": 1, "kind": "lens"}])
    )
    assert rows.labels.tolist() == [0, 1] and rows.kinds.tolist() == ["control", "lens"]


def test_no_rows_are_no_rows() -> None:
    rows = scored_rows(table([{}]).slice(0, 0))
    assert (rows.n_positive, rows.n_negative, rows.n_distinct_negative) == (0, 0, 0)


def test_some_of_the_rows_keep_what_is_theirs(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    rows = scored_rows(add_conditions(read_scores(write_scores(stamps_directory, tmp_path / "s")), stamps_directory.stamps))
    few = rows.where(rows.lens)
    assert few.lens.all() and len(few.hosts) == 22
    assert few.conditions["arc_snr"].tolist() == rows.conditions["arc_snr"][rows.lens].tolist()


def test_conditions_are_those_of_the_task_whatever_the_order(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    scores = read_scores(write_scores(stamps_directory, tmp_path / "scores", change=lambda rows: rows.reverse()))
    matched = add_conditions(scores, stamps_directory.stamps).to_pylist()
    index = read_table(stamps_directory.stamps / "index" / "split-test.parquet", STAMP_INDEX).to_pylist()
    by_task = {row["task_id"]: row for row in index}
    assert len(matched) == 44
    for row in matched:
        own = by_task[row["task_id"]]
        assert row["psf_fwhm_r_arcsec"] == own["psf_fwhm_r_arcsec"] and row["psf_depth_r_mag"] == own["psf_depth_r_mag"]
        for name in ("arc_snr", "theta_e_over_fwhm"):
            assert np.isnan(row[name]) if own[name] is None else row[name] == own[name]


def test_scores_of_other_stamps_are_refused_by_name(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    def another(rows: list[dict[str, Any]]) -> None:
        for row in rows[3:10]:
            row["task_id"] = "f" + row["task_id"][1:]

    scores = read_scores(write_scores(stamps_directory, tmp_path / "scores", change=another))
    first = scores["task_id"][3].as_py()
    said = rf"44 stamps are scored, 7 of which \(the first is task {first}\) are not in the index of .*; wanted the stamps"
    with pytest.raises(InputError, match=said):
        add_conditions(scores, stamps_directory.stamps)
