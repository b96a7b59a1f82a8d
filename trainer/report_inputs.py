"""Everything a report is made of, read and matched to one run and one network, from the index to the gates. No pixels here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract import Contract
from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import read_run, run_files
from schemas.scores import SCORES
from schemas.stamps import STAMP_INDEX
from schemas.survey import BANDS
from schemas.tasks import ACCEPTANCE, TASKS
from trainer.anchor_scores import AnchorPaths
from trainer.report_anchors import AnchorsShown, read_anchors_shown
from trainer.report_completeness import CompletenessRun, read_completeness
from trainer.report_gates import GatesRun, read_gates
from trainer.report_metrics import Epoch, Metrics, read_metrics, read_training_log

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
_INDEX_COLUMNS = (
    *("task_id", "pair_id", "host_id", "split", "kind", "label", "reasons", "file", "row"),
    *("theta_e_arcsec", "arc_snr", "arc_to_host_flux", "magnification", "theta_e_over_fwhm", "z_lens", "z_source"),
    *(f"{name}_{band}" for name in ("injected_mag", "source_mag", "mag_raw") for band in BANDS),
    *(f"psf_fwhm_{band}_arcsec" for band in BANDS),
)
_DRAWS = tuple(column.name for column in ACCEPTANCE if column.name.startswith("n_"))


@dataclass(frozen=True)
class ReportPaths:
    """Where the inputs lie; all but the stamps may be absent."""

    stamps: Location
    plan: Location | None = None
    scores: Location | None = None
    metrics: Location | None = None
    training_log: Location | None = None
    anchors: AnchorPaths | None = None
    gates: tuple[Location, ...] = ()
    completeness: Location | None = None


@dataclass(frozen=True)
class ReportInputs:
    """The inputs in memory. Arrays are one element an index row, NaN where a value is null or a stamp was not scored.

    ``draws`` has a row a lens task.
    """

    stamps: Location
    record: dict[str, Any]
    index: pa.Table
    draws: pa.Table
    tasks_planned: int | None
    logits: FloatArray | None
    checkpoint_hash: str
    metrics: Metrics | None
    epochs: list[Epoch] | None
    anchors: AnchorsShown | None = None
    gates: tuple[GatesRun, ...] = ()
    completeness: CompletenessRun | None = None

    def numbers(self, name: str) -> FloatArray:
        """A numeric column of the index."""
        return column_numbers(self.index, name)

    def value(self, name: str, row: int) -> Any:
        """One cell of the index; None for null."""
        return self.index[name][row].as_py()

    def number(self, name: str, row: int) -> float:
        """One numeric cell of the index; NaN for null."""
        value = self.value(name, row)
        return float("nan") if value is None else float(value)

    def equal(self, name: str, value: str | int) -> BoolArray:
        """Rows whose column holds a value."""
        return np.asarray(pc.fill_null(pc.equal(self.index[name], value), False).to_numpy(), dtype=np.bool_)

    def distinct(self, name: str, rows: BoolArray) -> int:
        """Number of different values among some rows."""
        return int(pc.count_distinct(self.index[name].filter(pa.array(rows))).as_py())

    @cached_property
    def made(self) -> BoolArray:
        """Rows that have pixels."""
        return self.equal("reasons", 0)

    @cached_property
    def lens(self) -> BoolArray:
        """Rows labelled as lens."""
        return self.equal("label", 1)


def read_inputs(paths: ReportPaths) -> ReportInputs:
    """Read all inputs; raises InputError where one does not belong to these stamps."""
    record = read_run(paths.stamps)
    index = _tables(paths.stamps, STAMP_INDEX, "index/", (*_INDEX_COLUMNS, *_DRAWS))
    if index is None or index.num_rows == 0:
        raise InputError(f"{paths.stamps} has no index rows; wanted a stamps directory that dhs inject filled")
    tasks = _tables(paths.plan, TASKS, "tasks/", ("label", *_DRAWS)) if paths.plan else None
    if tasks is not None:
        _check_same_run(paths, record)
    logits, checkpoint = _scores(paths, index) if paths.scores else (None, "")
    metrics = read_metrics(paths.metrics) if paths.metrics else None
    if metrics and checkpoint and metrics.checkpoint_hash not in (None, "", checkpoint):
        raise InputError(
            f"{paths.metrics} is of checkpoint {metrics.checkpoint_hash}, {paths.scores} of checkpoint {checkpoint}; "
            "wanted scores and metrics of one checkpoint"
        )
    known = checkpoint or (metrics.checkpoint_hash if metrics else None) or ""
    whose = str(paths.scores if checkpoint else paths.metrics)
    completeness = paths.completeness
    return ReportInputs(
        stamps=paths.stamps,
        record=record,
        index=index,
        draws=_draws_of_lenses(index if tasks is None else tasks),
        tasks_planned=None if tasks is None else tasks.num_rows,
        logits=logits,
        checkpoint_hash=known,
        metrics=metrics,
        epochs=read_training_log(paths.training_log) if paths.training_log else None,
        anchors=read_anchors_shown(paths.anchors, known, whose, metrics) if paths.anchors else None,
        gates=tuple(read_gates(place, paths.stamps, record, known, whose) for place in paths.gates),
        completeness=read_completeness(completeness, paths.stamps, record, paths.scores) if completeness else None,
    )


def column_numbers(table: pa.Table, name: str) -> FloatArray:
    """A numeric column as float64, NaN for null."""
    return np.asarray(pc.cast(table[name], pa.float64()).to_numpy(), dtype=np.float64)


def _draws_of_lenses(rows: pa.Table) -> pa.Table:
    """The account of the draws; those that hard negatives are matched to are no part of the selection function."""
    return rows.filter(pc.equal(rows["label"], 1)).select(_DRAWS)


def _tables(directory: Location, contract: Contract, under: str, columns: tuple[str, ...]) -> pa.Table | None:
    files = run_files(directory, contract, under)
    return pa.concat_tables([read_table(path, contract, columns) for path in files]) if files else None


def _check_same_run(paths: ReportPaths, record: dict[str, Any]) -> None:
    plan = read_run(paths.plan) if paths.plan else record
    for key in ("recipe_hash", "run_seed"):
        if plan.get(key) != record.get(key):
            raise InputError(
                f"{paths.plan} has {key} {plan.get(key)}, {paths.stamps} has {record.get(key)}; wanted the plan of these stamps"
            )


def _scores(paths: ReportPaths, index: pa.Table) -> tuple[FloatArray, str]:
    """Logits in the order of the index, and the checkpoint that gave them."""
    directory = paths.scores or paths.stamps
    scores = _tables(directory, SCORES, "split", ("task_id", "logit", "checkpoint_hash"))
    if scores is None or scores.num_rows == 0:
        raise InputError(f"{directory} holds no scores; wanted a directory that dhs score filled")
    places = pc.index_in(scores["task_id"], value_set=index["task_id"].combine_chunks())
    strangers = places.null_count
    if strangers:
        raise InputError(
            f"{directory} scores {scores.num_rows} stamps, {strangers} of which are not in {paths.stamps}; "
            "wanted scores of these stamps, these are of another run"
        )
    checkpoints = sorted(pc.unique(scores["checkpoint_hash"]).to_pylist())
    if len(checkpoints) > 1:
        raise InputError(f"{directory} holds scores of {len(checkpoints)} checkpoints ({', '.join(checkpoints)}); wanted one")
    logits = np.full(index.num_rows, np.nan)
    logits[places.to_numpy()] = column_numbers(scores, "logit")
    return logits, str(checkpoints[0])
