"""Lenses that the renderer made again with one thing changed, judged: their hosts, themselves, and every step of every sweep.

Legend: every array is one element a lens, in one order; a stimulus that was refused has a NaN logit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.array_codec import decode_stamp
from schemas.contract_files import row_batches
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import run_files
from schemas.stimuli import EINSTEIN_RADIUS, HOST, STIMULI
from schemas.survey import BANDS
from trainer.intervals import bootstrap_units
from trainer.judge import Images, Judge, Numbers
from trainer.model_gates.judged_stamps import Pairs

Key = tuple[str, float]
Row = dict[str, Any]

_OF_LENSES = ("theta_e_arcsec", "arc_snr", "x_centre_pix", "y_centre_pix")
_PER_BAND = ("psf_fwhm_{band}_arcsec", "sky_sigma_{band}_nmgy")


@dataclass(frozen=True)
class Stimuli:
    """Pairs (a lens and its host) that can be read, and the logits of each (sweep, step) for them."""

    pairs: Pairs
    logits: Mapping[Key, Numbers]

    def steps(self, sweep: str) -> list[float]:
        """The steps of a sweep, rising."""
        return sorted(step for name, step in self.logits if name == sweep)

    def with_logit(self, keys: Sequence[Key]) -> Stimuli:
        """Lenses that were made at every one of these steps."""
        good = np.flatnonzero(np.all([np.isfinite(self.logits[key]) for key in keys], axis=0))
        return Stimuli(self.pairs.of(good), {key: values[good] for key, values in self.logits.items()})


def read_stimuli(directory: Location, judge: Judge, size_pix: int) -> Stimuli:
    """Read and judge a finished stimuli directory.

    Raises InputError for stamps of another size than ``size_pix``, a column that the network is told and the table lacks, or
    where no lens was made with its host.
    """
    absent = [name for name in judge.columns if name not in STIMULI.names]
    if absent:
        raise InputError(f"the network was told {', '.join(absent)}, which the stimuli table does not have")
    names = ["sweep", "step", "task_id", "host_id", "cell", "size_pix", "stamp_npz", *_OF_LENSES, *judge.columns]
    names += [pattern.format(band=band) for pattern in _PER_BAND for band in BANDS]
    seen: dict[Key, dict[str, float]] = defaultdict(dict)
    lenses: dict[str, Row] = {}
    hosts: dict[str, Images] = {}
    for path in run_files(directory, STIMULI):
        for batch in row_batches(path, STIMULI, dict.fromkeys(names)):
            rows = [row for row in batch.to_pylist() if row["stamp_npz"] is not None]
            _require_size(rows, size_pix, directory)
            images = [decode_stamp(row["stamp_npz"]) for row in rows]
            for row, image, logit in zip(rows, images, _judged(judge, rows, images), strict=True):
                key = (row["sweep"], row["step"])
                seen[key][row["task_id"]] = float(logit)
                if key == (EINSTEIN_RADIUS, 1.0):
                    lenses[row["task_id"]] = row | {"image": image, "stamp_npz": None}
                elif row["sweep"] == HOST:
                    hosts[row["task_id"]] = image
    both = [task for task in lenses if task in hosts]
    if not both:
        raise InputError(f"stimuli {directory} hold no lens that was made with its host; wanted the output of dhs stimuli")
    logits = {key: np.array([of.get(task, np.nan) for task in both]) for key, of in seen.items()}
    return Stimuli(_pairs([lenses[task] for task in both], [hosts[task] for task in both], judge, logits), logits)


def _judged(judge: Judge, rows: Sequence[Row], images: Sequence[Images]) -> Numbers:
    return judge.logits(np.stack(images), _table(rows, judge.columns)) if rows else np.empty(0)


def _pairs(lenses: Sequence[Row], hosts: Sequence[Images], judge: Judge, logits: Mapping[Key, Numbers]) -> Pairs:
    names = np.array([row["host_id"] for row in lenses], np.str_)
    of_host = np.unique(names, return_inverse=True)[1].astype(np.int64)
    units, unit = bootstrap_units(np.array([row["cell"] for row in lenses], np.int64), of_host)
    fwhm, sigma = (_table(lenses, [pattern.format(band=band) for band in BANDS]) for pattern in _PER_BAND)
    theta_e, snr, x, y = _table(lenses, _OF_LENSES).T
    return Pairs(
        rows=np.arange(len(lenses)),
        lens=np.stack([row["image"] for row in lenses]),
        control=np.stack(hosts),
        metadata=_table(lenses, judge.columns),
        lens_logits=logits[EINSTEIN_RADIUS, 1.0],
        control_logits=logits[HOST, 0.0],
        theta_e_arcsec=theta_e,
        arc_snr=snr,
        fwhm_arcsec=fwhm,
        sky_sigma=sigma,
        x_pix=x,
        y_pix=y,
        hosts=names,
        units=units,
        unit=unit,
    )


def _table(rows: Sequence[Row], names: Sequence[str]) -> Numbers:
    """(row, name) numbers, NaN for null."""
    return np.array([[row[name] for name in names] for row in rows], dtype=np.float64).reshape(len(rows), len(names))


def _require_size(rows: Sequence[Row], size_pix: int, directory: Location) -> None:
    other = next((row["size_pix"] for row in rows if row["size_pix"] != size_pix), None)
    if other is not None:
        raise InputError(f"stimuli {directory} have {other} pixels and the stamps {size_pix}; wanted the same")
