"""The stamps that gates look at: usable rows of a split, or whole hosts drawn by hash where there are more than wanted.

Legend: every array is one element a sample, in the order of the catalogue, which is that of (file, row). ``columns`` are
numbers of the index, NaN for null; ``missing`` says where a column of the index is null or not finite.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract_files import row_batches
from schemas.job_entry import InputError
from schemas.locations import Location, relative_path
from schemas.run_record import run_files
from schemas.stamps import STAMP_INDEX, STAMPS
from schemas.tasks import IDENTITY
from trainer.intervals import bootstrap_units
from trainer.stamp_catalogue import StampCatalogue, load_catalogue

IDENTITY_NAMES = frozenset(column.name for column in IDENTITY)
MEASURED = tuple(column.name for column in STAMP_INDEX if column.type in ("float32", "float64") and not column.injected)
"""Numbers that exist for a real galaxy too: what a network could be told."""
OFFERED = tuple(
    column.name
    for column in STAMP_INDEX
    if not column.injected and column.name not in {*IDENTITY_NAMES, "reasons", "file", "row"}
)
"""Columns that neither name the task nor exist because of it: their nulls must say nothing."""
OF_ARCS = ("theta_e_arcsec", "injected_mag_r", "arc_to_host_flux", "arc_snr", "arc_peak_snr")

Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class GatedStamps:
    """Samples of one split. ``host_hash`` is the published chance of a host: which are drawn, and which fold they are in."""

    split: str
    catalogue: StampCatalogue
    hosts: npt.NDArray[np.str_]
    host_hash: npt.NDArray[np.uint64]
    cells: Integers
    columns: Mapping[str, Numbers]
    missing: Mapping[str, Rows]
    usable: int

    @property
    def lens(self) -> Rows:
        """Which samples are lenses."""
        return np.asarray(self.catalogue.labels == 1)

    @property
    def kinds(self) -> npt.NDArray[np.str_]:
        """The kind of each sample."""
        return np.array(self.catalogue.kinds, np.str_)[self.catalogue.kind]

    @property
    def control(self) -> Rows:
        """Which samples are hosts as the survey saw them."""
        return np.asarray(self.kinds == "control")

    @property
    def pair_of_lens(self) -> Integers:
        """(sample,) the control of a lens, -1 for none."""
        partner = self.catalogue.partner
        return np.full(len(self.cells), -1) if partner is None else partner.astype(np.int64)

    @property
    def pairs(self) -> tuple[Integers, Integers]:
        """(lenses that have a control, their controls), as numbers of samples."""
        lenses = np.flatnonzero(self.pair_of_lens >= 0)
        return lenses, self.pair_of_lens[lenses]

    def units(self, rows: Rows | Integers) -> tuple[Integers, str]:
        """What a bootstrap over some rows draws, and its name."""
        hosts = np.unique(self.hosts[rows], return_inverse=True)[1]
        return bootstrap_units(self.cells[rows], hosts.astype(np.int64))


def gather_stamps(directory: Location, split: str, most: int, seed: int) -> GatedStamps:
    """A split's usable stamps; of more than ``most`` about so many: whole hosts by hash of their name, with their pairs."""
    if most < 1:
        raise InputError(f"--most {most}; wanted at least one stamp")
    catalogue = load_catalogue(directory, split, ("psf_fwhm_r_arcsec",), pairs=True)
    index, keep = _drawn_rows(directory, split, seed, most / catalogue.samples)
    if not index.num_rows:
        raise InputError(f"--most {most} draws no host of split {split!r}, which has {catalogue.samples} stamps; wanted more")
    hosts = np.array(index["host_id"].to_pylist(), np.str_)
    columns = {name: _numbers(index[name]) for name in (*MEASURED, *OF_ARCS)}
    missing = {name: _null(index[name]) for name in (*OFFERED, *STAMP_INDEX.injected_names)}
    missing |= {name: ~np.isfinite(columns[name]) for name in MEASURED}
    return GatedStamps(
        split=split,
        catalogue=_thinned(catalogue, keep),
        hosts=hosts,
        host_hash=host_hashes(hosts.tolist(), seed),
        cells=index["cell"].to_numpy(),
        columns=columns,
        missing=missing,
        usable=catalogue.samples,
    )


def host_hashes(hosts: Sequence[str], seed: int) -> npt.NDArray[np.uint64]:
    """A number of 64 bits for each host's name."""
    known = {name: hashlib.blake2b(f"gates:{seed}:{name}".encode(), digest_size=8).digest() for name in dict.fromkeys(hosts)}
    return np.frombuffer(b"".join(known[name] for name in hosts), "<u8").astype(np.uint64)


def _drawn_rows(directory: Location, split: str, seed: int, share: float) -> tuple[pa.Table, Rows]:
    """Rows of the index that have a stamp and whose host is drawn; and of every row with a stamp whether it is one of them.

    Both are in the order of the catalogue. Rows that are not drawn leave a number behind, no more.
    """
    (path,) = run_files(directory, STAMP_INDEX, under=f"index/split-{split}.parquet")
    files = pa.array([relative_path(file, directory) for file in run_files(directory, STAMPS, under=f"split={split}/")])
    parts, places, flags = [], [], []
    for batch in row_batches(path, STAMP_INDEX):
        rows = batch.filter(pc.equal(batch["reasons"], 0))
        file = pc.index_in(rows["file"], value_set=files).to_numpy().astype(np.int64)
        places.append((file << 32) + rows["row"].to_numpy())
        flags.append(_drawn(host_hashes(rows["host_id"].to_pylist(), seed), share))
        parts.append(rows.filter(pa.array(flags[-1])))
    place, drawn = np.concatenate(places), np.concatenate(flags)
    return pa.Table.from_batches(parts).take(np.argsort(place[drawn])), drawn[np.argsort(place)]


def _drawn(hashes: npt.NDArray[np.uint64], share: float) -> Rows:
    return np.asarray(hashes.astype(np.float64) < share * 2.0**64) if share < 1 else np.ones(len(hashes), bool)


def _thinned(catalogue: StampCatalogue, keep: Rows) -> StampCatalogue:
    """The catalogue of the kept samples; a partner that is not kept is none."""
    if keep.all():
        return catalogue
    sizes = catalogue.group_sizes
    group = np.repeat(np.arange(len(sizes)), sizes)[keep]
    new = np.where(keep, np.cumsum(keep) - 1, -1)
    partner = catalogue.partner
    return replace(
        catalogue,
        first_sample=np.concatenate(([0], np.cumsum(np.bincount(group, minlength=len(sizes))))),
        row_in_group=catalogue.row_in_group[keep],
        labels=catalogue.labels[keep],
        kind=catalogue.kind[keep],
        partner=None if partner is None else np.where(partner >= 0, new[partner], -1)[keep].astype(np.int32),
    )


def _numbers(column: pa.ChunkedArray) -> Numbers:
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(), np.float64)


def _null(column: pa.ChunkedArray) -> Rows:
    return np.asarray(pc.is_null(column).to_numpy())
