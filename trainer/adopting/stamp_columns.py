"""A batch of foreign rows as rows of the stamps contract: every row kept, what cannot be used with its reasons and no pixels.

Legend: arrays are one element a row of the batch; numbers float64, NaN for null.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.stamps import STAMPS
from schemas.survey import BANDS, ZEROPOINT_MAG
from trainer.adopting import one_host
from trainer.adopting.foreign_blobs import adopt_blob
from trainer.adopting.foreign_stamps import BLOBS, PARTITION, SourceFile
from trainer.adopting.sky_cells import is_position, sky_cells

RECIPE_NAME = "adopted"
UNKNOWN_SEED = 0
FAINTEST_DEPTH_MAG = 40.0
_OVERALL = "adopted stamps, 1"

Numbers = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AdoptionRules:
    """What decides how rows are read: stamp size in pixels; ``psfdepth`` in mag or invvar; ``arc_snr`` as peak or matched."""

    size: int = 64
    depth: str = "mag"
    arc_snr: str = "peak"

    @property
    def recipe_hash(self) -> str:
        """The hash that stands where a recipe's would."""
        return hashlib.sha256(json.dumps([_OVERALL, asdict(self), self.words()], sort_keys=True).encode()).hexdigest()[:16]

    def words(self) -> dict[str, str]:
        """The rules for a person, as the run's record keeps them."""
        snr = "arc_peak_snr: largest pixel" if self.arc_snr == "peak" else "arc_snr: matched filter"
        return {
            "host_id": one_host.RULE,
            "centre": f"the galaxy lies at ({self.size // 2}, {self.size // 2}): pixel size // 2, where its cutouts were begun",
            "psf_depth": "as it is: AB mag" if self.depth == "mag" else "22.5 - 2.5 log10(5 / sqrt(psfdepth in nMgy^-2))",
            "arc_snr": f"taken for {snr}",
            "configuration": "1000 round(100 theta_e_arcsec) + round(100 src_dmag) of lenses, 0 where either is unknown",
            "run_seed": "not known; 0 in the rows",
            "controls": "no pairs: a control is not said to be of a lens's galaxy",
        }


def adopted_table(
    batch: pa.RecordBatch, first: int, file: SourceFile, rules: AdoptionRules, hosts: one_host.HostNames
) -> pa.Table:
    """The STAMPS rows of a batch of a file that begins at row ``first`` of it, as many as the batch has.

    Raises InputError for what many rows of a file get wrong.
    """
    rows = batch.num_rows
    _check_split(batch, file)
    ra, dec = _numbers(batch, "ra"), _numbers(batch, "dec")
    tasks, known = _task_ids(batch, first, file)
    control = _numbers(batch, "is_control")
    lens = control == 0
    reasons = _flags(~np.isin(control, (0, 1)) | ~known, Reason.IDENTITY_UNKNOWN)
    reasons |= _flags(~is_position(ra, dec), Reason.POSITION_UNREADABLE)
    reasons |= _flags(_numbers(batch, "cutout_ok") == 0, Reason.SAID_UNUSABLE)
    blobs = _blobs(batch, reasons, rules.size)
    columns: dict[str, pa.Array] = {
        "task_id": pa.array(tasks, pa.string()),
        "host_id": pa.array(hosts.of(ra, dec), pa.string()),
        "cell": pa.array(sky_cells(ra, dec)),
        "shard": _same(file.number, rows, pa.int32()),
        "split": _same(file.split, rows, pa.string()),
        "kind": pa.array(np.where(lens, "lens", "control").tolist(), pa.string()),
        "label": pa.array(lens.astype(np.int16)),
        "configuration": pa.array(_configuration(batch, lens)),
        "replicate": _same(0, rows, pa.int32()),
        "recipe_hash": _same(rules.recipe_hash, rows, pa.string()),
        "run_seed": _same(UNKNOWN_SEED, rows, pa.int64()),
        "ra_deg": pa.array(np.mod(ra, 360)),
        "dec_deg": pa.array(dec),
        "brickname": pc.fill_null(_texts(batch, "brickname"), ""),
        "size_pix": _same(rules.size, rows, pa.int32()),
        "x_centre_pix": _same(float(rules.size // 2), rows, pa.float64()),
        "y_centre_pix": _same(float(rules.size // 2), rows, pa.float64()),
        "masked_fraction": _nullable(_numbers(batch, "bad_pixel_frac")),
        "reasons": pa.array(reasons),
        "stamp_npz": pa.array(blobs, pa.binary()),
        **_conditions(batch, file, rules),
        **_of_lenses(batch, lens, rules),
    }
    return pa.table({c.name: columns.get(c.name, pa.nulls(rows, c.arrow_field.type)) for c in STAMPS})


def _check_split(batch: pa.RecordBatch, file: SourceFile) -> None:
    if PARTITION in file.columns:
        seen = _texts(batch, PARTITION)
        other = pc.sum(pc.not_equal(seen, file.split)).as_py() or 0
        if other:
            raise InputError(
                f"{file.path}: {other} of {len(seen)} rows say a {PARTITION} that is not {file.split!r}, the directory's; "
                "wanted the same"
            )


def _task_ids(batch: pa.RecordBatch, first: int, file: SourceFile) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """Names of the tasks, one made up where a row has none, and which have one."""
    names = _texts(batch, "task_id").to_pylist()
    named = [name or f"unnamed-{file.number}-{first + n}" for n, name in enumerate(names)]
    return named, np.array([bool(name) for name in names], bool)


def _blobs(batch: pa.RecordBatch, reasons: Integers, size: int) -> list[bytes | None]:
    """Pixels of each row without a reason, checked; those that fail add theirs."""
    found: list[bytes | None] = [None] * len(reasons)
    column = batch[BLOBS]
    for n in np.flatnonzero(reasons == 0).tolist():
        found[n], reason = adopt_blob(column[n].as_py(), size)
        reasons[n] = int(reason)
    return found


def _configuration(batch: pa.RecordBatch, lens: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """One number for Einstein radius and source magnitude below the host's, since the contract has no column for the latter."""
    theta_e, fainter = _numbers(batch, "theta_e_arcsec"), _numbers(batch, "src_dmag")
    known = lens & (theta_e > 0) & (theta_e < 1000) & (fainter >= 0) & (fainter < 9.995)
    number = 1000 * np.round(100 * theta_e, 0) + np.round(100 * fainter, 0)
    return np.where(known, number, 0).astype(np.int32)


def _conditions(batch: pa.RecordBatch, file: SourceFile, rules: AdoptionRules) -> dict[str, pa.Array]:
    """PSF widths in arcsec and depths in AB mag; what is not positive is null."""
    found = {}
    for band in BANDS:
        found[f"psf_fwhm_{band}_arcsec"] = _positive(_numbers(batch, f"psfsize_{band}"))
        depth = _numbers(batch, f"psfdepth_{band}")
        if rules.depth == "invvar":
            with np.errstate(divide="ignore", invalid="ignore"):
                depth = ZEROPOINT_MAG - 2.5 * np.log10(5 / np.sqrt(depth))
        else:
            _check_magnitudes(depth, band, file)
        found[f"psf_depth_{band}_mag"] = _positive(depth)
    return found


def _check_magnitudes(depth: Numbers, band: str, file: SourceFile) -> None:
    """Stop where depths are no magnitudes: a network that was told one would be told the other."""
    known = depth[np.isfinite(depth)]
    if len(known) and np.median(known) > FAINTEST_DEPTH_MAG:
        raise InputError(
            f"{file.path}: psfdepth_{band} is {np.median(known):.6g} in the median of {len(known)} rows; wanted an AB "
            f"magnitude below {FAINTEST_DEPTH_MAG:g}, or --depth invvar for an inverse variance in nMgy^-2"
        )


def _of_lenses(batch: pa.RecordBatch, lens: npt.NDArray[np.bool_], rules: AdoptionRules) -> dict[str, pa.Array]:
    """Columns that exist because a lens was injected: null for controls, whatever the file has there."""
    theta_e = np.where(lens, _numbers(batch, "theta_e_arcsec"), np.nan)
    used = {band: np.where(lens, _numbers(batch, f"psf_fwhm_used_{band}"), np.nan) for band in BANDS}
    width = np.where(used["r"] > 0, used["r"], _numbers(batch, "psfsize_r"))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = theta_e / width
    snr = "arc_peak_snr" if rules.arc_snr == "peak" else "arc_snr"
    found = {"theta_e_arcsec": _positive(theta_e), "theta_e_over_fwhm": _positive(ratio)}
    found[snr] = _nullable(np.where(lens, _numbers(batch, "arc_snr"), np.nan))
    return found | {f"psf_fwhm_used_{band}_arcsec": _positive(values) for band, values in used.items()}


def _numbers(batch: pa.RecordBatch, name: str) -> Numbers:
    """A column as numbers; NaN throughout where the file does not have it."""
    if name not in batch.schema.names:
        return np.full(batch.num_rows, np.nan)
    return np.array(batch[name].cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _texts(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch[name].cast(pa.string())


def _flags(rows: npt.NDArray[np.bool_], reason: Reason) -> Integers:
    return np.where(rows, int(reason), 0).astype(np.int64)


def _same(value: str | float, rows: int, kind: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), rows)


def _nullable(values: Numbers) -> pa.Array:
    return pa.array(values, mask=~np.isfinite(values))


def _positive(values: Numbers) -> pa.Array:
    return pa.array(values, mask=~(np.isfinite(values) & (values > 0)))
