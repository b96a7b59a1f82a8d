"""Scores as arrays: what dhs score wrote, matched with the conditions under which each stamp was taken.

Legend: arrays are one element a scored row. ``objects`` numbers distinct pixels: all paired controls of one host are the host
as the survey saw it, however many replicates it has, and count as one object; a row of any other kind is its own task's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import run_files
from schemas.scores import SCORES
from schemas.stamps import STAMP_INDEX
from trainer.intervals import distinct

CONTROL = "control"
LENS_CONDITIONS = ("theta_e_over_fwhm", "arc_snr")
SKY_CONDITIONS = ("psf_depth_r_mag", "psf_fwhm_r_arcsec")

Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScoredRows:
    """Rows with a score and a known label. ``conditions`` are columns of the stamps' index, NaN for null; none if not asked."""

    logits: Numbers
    labels: Integers
    cells: Integers
    hosts: Integers
    kinds: npt.NDArray[np.str_]
    objects: Integers
    conditions: Mapping[str, Numbers] = field(default_factory=dict)

    def where(self, rows: npt.NDArray[np.bool_]) -> ScoredRows:
        """Some of the rows."""
        few = {name: values[rows] for name, values in vars(self).items() if name != "conditions"}
        return replace(self, **few, conditions={name: values[rows] for name, values in self.conditions.items()})

    @property
    def lens(self) -> npt.NDArray[np.bool_]:
        """Which rows are lenses."""
        return np.asarray(self.labels == 1, dtype=np.bool_)

    @property
    def n_positive(self) -> int:
        """Number of lenses."""
        return int(np.count_nonzero(self.labels == 1))

    @property
    def n_negative(self) -> int:
        """Number of rows that are no lens."""
        return len(self.labels) - self.n_positive

    @property
    def n_distinct_negative(self) -> int:
        """Number of different pixels among them."""
        return distinct(self.objects[~self.lens])


def read_scores(directory: Location) -> pa.Table:
    """The scores of a finished run, all splits, under contract; raises InputError where it holds none.

    Files lie below names that begin with ``split``; those of an ensemble's members lie elsewhere and are not read.
    """
    files = run_files(directory, SCORES, under="split")
    if not files:
        raise InputError(f"{directory} is a finished run without scores; wanted at least one split")
    return pa.concat_tables([read_table(path, SCORES) for path in files])


def add_conditions(scores: pa.Table, stamps: Location) -> pa.Table:
    """The same rows with the conditions that the stamps' index holds of them; no pixels are read.

    Raises InputError where a row's task is not in the index.
    """
    names = (*LENS_CONDITIONS, *SKY_CONDITIONS)
    values = {name: np.full(scores.num_rows, np.nan) for name in names}
    known = np.zeros(scores.num_rows, bool)
    for path in run_files(stamps, STAMP_INDEX, under="index/"):
        index = read_table(path, STAMP_INDEX, ("task_id", *names))
        places = pc.index_in(scores["task_id"], value_set=index["task_id"].combine_chunks())
        here = places.is_valid().to_numpy()
        rows = places.filter(pa.array(here)).to_numpy()
        known |= here
        for name in names:
            values[name][here] = pc.cast(index[name], pa.float64()).to_numpy()[rows]
    strangers = np.count_nonzero(~known)
    if strangers:
        first = scores["task_id"][int(np.argmin(known))].as_py()
        raise InputError(
            f"{scores.num_rows} stamps are scored, {strangers} of which (the first is task {first}) are not in the index of "
            f"{stamps}; wanted the stamps directory that was scored"
        )
    for name in names:
        scores = scores.append_column(name, pa.array(values[name]))
    return scores


def scored_rows(scores: pa.Table) -> ScoredRows:
    """The rows that have a finite score and a label of 0 or 1, as arrays."""
    logits, labels = scores["logit"].to_numpy().astype(np.float64), scores["label"].to_numpy().astype(np.int64)
    hosts, tasks = _numbered(scores["host_id"]), _numbered(scores["task_id"])
    kinds = _words(scores["kind"])
    conditions = {name: scores[name].to_numpy() for name in (*LENS_CONDITIONS, *SKY_CONDITIONS) if name in scores.column_names}
    rows = ScoredRows(
        logits=logits,
        labels=labels,
        cells=scores["cell"].to_numpy(),
        hosts=hosts,
        kinds=kinds,
        objects=np.where(kinds == CONTROL, hosts, scores.num_rows + tasks),
        conditions=conditions,
    )
    return rows.where(np.isfinite(logits) & np.isin(labels, (0, 1)))


def _numbered(words: pa.ChunkedArray) -> Integers:
    return np.asarray(words.combine_chunks().dictionary_encode().indices.to_numpy(), dtype=np.int64)


def _words(words: pa.ChunkedArray) -> npt.NDArray[np.str_]:
    """Few different words, many times: taken from the dictionary, which is faster than one by one."""
    coded = words.combine_chunks().dictionary_encode()
    distinct = np.array(coded.dictionary.to_pylist(), dtype=np.str_)
    return distinct[coded.indices.to_numpy()] if len(distinct) else np.empty(0, dtype=np.str_)
