"""From rows of a catalogue to rows of the hosts table: who is a host, and why a host may not be used.

Legend: arrays of shape (n,), one entry a catalogue row; fluxes nMgy, magnitudes AB, lengths arcsec, angles degrees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.hosts import HOSTS
from schemas.refusal_reasons import Reason
from schemas.survey import BANDS
from spark_jobs.survey_settings import SurveySettings
from spark_jobs.transforms.sky_positions import Floats, is_near, is_near_cell_border, is_position, sky_cells
from spark_jobs.transforms.survey.lrg_cuts import CUT_BANDS, depth_magnitude, dereddened_magnitude, lrg_bits, magnitude
from spark_jobs.transforms.survey.sweep_reader import FLUX_BANDS, ONE_SHAPE, SweepRows

Flags = npt.NDArray[np.bool_]
_FIXED_SERSIC = {"DEV": 4.0, "EXP": 1.0, "REX": 1.0}
"""Index of the models that have a fixed one (Tractor)."""


@dataclass(frozen=True)
class HostSelection:
    """What makes a host, and what refuses one; ``known_lenses`` are unit vectors (m, 3), distances in arcsec."""

    survey: SurveySettings
    cut: str
    bands: tuple[str, ...]
    known_lenses: Floats
    known_radius_arcsec: float
    anchor_cells: frozenset[int]
    border_arcsec: float


def select_host_rows(rows: SweepRows, selection: HostSelection) -> pa.Table:
    """The HOSTS rows among catalogue rows: those that pass the wanted cut, and those that cannot be judged.

    A row whose flux or dust is not finite can neither pass nor fail: it is kept, with no cut passed and BAD_PHOTOMETRY.
    Duplicates are not known yet: see ``duplicate_hosts``.
    """
    bits = lrg_bits({band: _dereddened(rows, band) for band in CUT_BANDS}, selection.survey.lrg_cuts)
    allowed = ~np.isin(rows.texts("TYPE"), selection.survey.excluded_morphologies)
    bits = np.where(allowed, bits, 0).astype(np.int32)
    wanted = 1 << selection.survey.cut_number(selection.cut)
    kept = ((bits & wanted) != 0) | (allowed & _is_unjudged(rows))
    return _host_table(rows.where(kept), bits[kept], selection)


def _dereddened(rows: SweepRows, band: str) -> Floats:
    return dereddened_magnitude(rows.numbers(f"FLUX_{band.upper()}"), rows.numbers(f"MW_TRANSMISSION_{band.upper()}"))


def _is_unjudged(rows: SweepRows) -> Flags:
    fluxes = np.stack([rows.numbers(f"FLUX_{band.upper()}") for band in CUT_BANDS])
    dust = np.stack([rows.numbers(f"MW_TRANSMISSION_{band.upper()}") for band in CUT_BANDS])
    unclear = ~np.isfinite(fluxes) | ~np.isfinite(dust) | (dust <= 0)
    fails = (fluxes <= 0).any(axis=0)
    return np.asarray(unclear.any(axis=0) & ~fails)


def _host_table(rows: SweepRows, bits: npt.NDArray[np.int32], selection: HostSelection) -> pa.Table:
    ra, dec = rows.numbers("RA"), rows.numbers("DEC")
    cells = sky_cells(ra, dec)
    radius, e1, e2, index = _shape(rows)
    columns: dict[str, pa.Array] = {
        "host_id": pa.array(_host_ids(rows), pa.string()),
        "ra_deg": pa.array(ra),
        "dec_deg": pa.array(dec),
        "brickname": pa.array(rows.texts("BRICKNAME"), pa.string()),
        "cell": pa.array(cells),
        "morphology": pa.array(rows.texts("TYPE"), pa.string()),
        "shape_r_arcsec": pa.array(radius),
        "shape_e1": pa.array(e1),
        "shape_e2": pa.array(e2),
        "sersic_n": _with_nulls(index),
        "maskbits": pa.array(_maskbits(rows, selection.survey).astype(np.int32)),
        "z_phot": _with_nulls(rows.z_phot),
        "lrg_cuts": pa.array(bits),
        "in_anchor_cell": pa.array(np.isin(cells, sorted(selection.anchor_cells))),
        "reasons": pa.array(_reasons(rows, selection)),
    }
    for band in FLUX_BANDS:
        columns[f"flux_{band}_nmgy"] = pa.array(rows.numbers(f"FLUX_{band.upper()}"))
        columns[f"mw_transmission_{band}"] = pa.array(rows.numbers(f"MW_TRANSMISSION_{band.upper()}"))
        columns[f"mag_{band}"] = _with_nulls(_dereddened(rows, band))
    for band in BANDS:
        columns[f"mag_raw_{band}"] = _with_nulls(magnitude(rows.numbers(f"FLUX_{band.upper()}")))
        columns[f"psf_fwhm_catalogue_{band}_arcsec"] = _with_nulls(_positive(rows.numbers(f"PSFSIZE_{band.upper()}")))
        columns[f"psf_depth_{band}_mag"] = _with_nulls(depth_magnitude(rows.numbers(f"PSFDEPTH_{band.upper()}")))
        columns[f"nobs_{band}"] = pa.array(rows.integers(f"NOBS_{band.upper()}").astype(np.int32))
    return pa.table({name: columns[name] for name in HOSTS.names})


def _host_ids(rows: SweepRows) -> list[str]:
    parts = (rows.integers(name).tolist() for name in ("RELEASE", "BRICKID", "OBJID"))
    return [f"{release}-{brick}-{number}" for release, brick, number in zip(*parts, strict=True)]


def _shape(rows: SweepRows) -> tuple[Floats, Floats, Floats, Floats]:
    """Half-light radius, e1, e2 and Sersic index (NaN where the model has none) of the catalogue's model."""
    kind = rows.texts("TYPE")
    index = np.full(len(rows), np.nan)
    for model, value in _FIXED_SERSIC.items():
        index[kind == model] = value
    index = np.where(kind == "SER", _positive(rows.numbers("SERSIC")), index)
    if all(rows.has(name) for name in ONE_SHAPE):
        radius, e1, e2 = (rows.numbers(name) for name in ONE_SHAPE)
        return radius, e1, e2, index
    # DR8: a composite (COMP) has both models; the one with more of the light speaks for it.
    deep = np.where(kind == "COMP", np.nan_to_num(rows.numbers("FRACDEV")) > 0.5, kind == "DEV")
    radius, e1, e2 = (
        np.where(deep, rows.numbers(f"SHAPEDEV_{part}"), rows.numbers(f"SHAPEEXP_{part}")) for part in ("R", "E1", "E2")
    )
    return radius, e1, e2, index


def _maskbits(rows: SweepRows, survey: SurveySettings) -> npt.NDArray[np.int64]:
    """MASKBITS; a Tractor catalogue's BRICK_PRIMARY says the same as the bit NPRIMARY, which not every release sets."""
    bits = rows.integers("MASKBITS")
    if rows.has("BRICK_PRIMARY") and "NPRIMARY" in survey.mask_bits:
        elsewhere = ~np.asarray(rows.records["BRICK_PRIMARY"], dtype=bool)
        bits = bits | (elsewhere.astype(np.int64) << survey.mask_bits["NPRIMARY"])
    return bits


def _reasons(rows: SweepRows, selection: HostSelection) -> npt.NDArray[np.int64]:
    ra, dec = rows.numbers("RA"), rows.numbers("DEC")
    masked = _maskbits(rows, selection.survey) & selection.survey.catalogue_bits(selection.bands)
    unseen = np.any([rows.integers(f"NOBS_{band.upper()}") <= 0 for band in selection.bands], axis=0)
    flags = {
        Reason.NEAR_KNOWN_LENS: is_near(ra, dec, selection.known_lenses, selection.known_radius_arcsec),
        Reason.CATALOGUE_MASKED: masked != 0,
        Reason.CATALOGUE_UNCOVERED: unseen,
        Reason.NEAR_CELL_BORDER: is_near_cell_border(ra, dec, selection.border_arcsec),
        Reason.BAD_PHOTOMETRY: _is_bad(rows, selection.bands),
    }
    reasons = np.zeros(len(rows), dtype=np.int64)
    for reason, raised in flags.items():
        reasons |= np.where(raised, reason.value, 0)
    return reasons


def _is_bad(rows: SweepRows, bands: tuple[str, ...]) -> Flags:
    """Where a number that the simulation needs is unusable: position, flux and dust in a wanted band, shape."""
    radius, e1, e2, _ = _shape(rows)
    good = is_position(rows.numbers("RA"), rows.numbers("DEC"))
    good &= np.isfinite(radius) & (radius > 0) & (np.hypot(e1, e2) < 1)
    for band in dict.fromkeys((*bands, *CUT_BANDS)):
        good &= np.isfinite(_dereddened(rows, band))
    for band in FLUX_BANDS:
        dust = rows.numbers(f"MW_TRANSMISSION_{band.upper()}")
        good &= np.isfinite(dust) & (dust > 0) & (dust <= 1)
    return ~good


def _positive(values: Floats) -> Floats:
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _with_nulls(values: Floats) -> pa.Array:
    """An Arrow array in which NaN has become null."""
    return pa.array(values, pa.float64(), from_pandas=True)
