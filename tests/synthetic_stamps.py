"""A stamps directory under contract without the simulation: Gaussian hosts, Gaussian rings for lenses, white noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.array_codec import encode_stamp
from schemas.code_version import code_version
from schemas.contract import Contract
from schemas.contract_files import Provenance, read_table, write_table
from schemas.hosts import HOSTS
from schemas.refusal_reasons import Reason
from schemas.run_record import RunIdentity, begin_run, finish_run
from schemas.stamps import STAMP_INDEX, STAMPS
from schemas.survey import BANDS
from schemas.tasks import TASKS

RECIPE_HASH = "5ca1ab1e5ca1ab1e"
SEED = 7
SIGMA = {"g": 0.0023, "r": 0.0041, "z": 0.011}


@dataclass(frozen=True)
class StampsDirectory:
    """Where a plan and its stamps lie."""

    plan: Path
    stamps: Path


def write_stamps_directory(
    root: Path,
    pairs_per_split: Mapping[str, int],
    *,
    size: int = 64,
    refused_pairs: int = 2,
    ring: float = 0.03,
    shared_noise: bool = False,
) -> StampsDirectory:
    """Write ``plan/`` and ``stamps/`` under ``root``; the last ``refused_pairs`` of each split are refused.

    ``ring`` is the peak of the ring in nMgy per pixel: 0 makes lenses that no network can tell from controls. Lens and control
    have skies of their own, or with ``shared_noise`` the same one, as a real pair has.
    """
    rng = np.random.default_rng(3)
    provenance = Provenance(code_version(), RECIPE_HASH, SEED, "synthetic")
    plan, stamps = root / "plan", root / "stamps"
    plan_id = RunIdentity("plan", code_version(), RECIPE_HASH, SEED)
    inject_id = RunIdentity("inject", code_version(), RECIPE_HASH, SEED)
    begin_run(plan, plan_id)
    begin_run(stamps, inject_id)
    plan_files, stamp_files = [], []
    for shard, (split, pairs) in enumerate(pairs_per_split.items()):
        refused = pairs - refused_pairs
        rows = [row for n in range(pairs) for row in _pair(rng, shard, split, n, n >= refused, size, ring, shared_noise)]
        name = f"shard-{shard:05d}"
        path = stamps / f"split={split}" / f"{name}-{RECIPE_HASH[:8]}.parquet"
        write_table(path, _table(rows, STAMPS), STAMPS, provenance)
        table = read_table(path, STAMPS).drop_columns(["stamp_npz"])
        table = table.append_column("file", pa.array([path.relative_to(stamps).as_posix()] * len(rows)))
        table = table.append_column("row", pa.array(range(len(rows)), pa.int32()))
        index = stamps / "index" / f"split-{split}.parquet"
        write_table(index, table, STAMP_INDEX, provenance)
        stamp_files += [path, index]
        tasks = plan / "tasks" / f"{name}.parquet"
        write_table(tasks, _table([{**row, "reasons": 0} for row in rows], TASKS), TASKS, provenance)
        hosts = plan / "hosts" / f"{name}.parquet"
        write_table(hosts, _table([_host(row) for row in rows if row["label"] == 1], HOSTS), HOSTS, provenance)
        plan_files += [tasks, hosts]
    finish_run(plan, plan_id, plan_files, {"tasks": sum(pairs_per_split.values()) * 2}, {"recipe_name": "synthetic"})
    finish_run(stamps, inject_id, stamp_files, {}, {"recipe_name": "synthetic"})
    return StampsDirectory(plan, stamps)


def _table(rows: list[dict[str, Any]], contract: Contract) -> pa.Table:
    return pa.Table.from_pylist([{name: row.get(name) for name in contract.names} for row in rows], contract.arrow_schema())


def _pair(
    rng: np.random.Generator, shard: int, split: str, n: int, refused: bool, size: int, ring: float, shared: bool
) -> list[dict[str, Any]]:
    y, x = np.mgrid[:size, :size] - size / 2
    r = np.hypot(x, y)
    theta_e = rng.uniform(0.8, 2.0)
    rows = []
    noise: dict[str, Any] = {}
    for label in (1, 0):
        images = {}
        if label or not shared:
            noise = {band: rng.normal(0, SIGMA[band], r.shape) for band in BANDS}
        for band, colour in zip(BANDS, (1.3, 1.0, 0.8), strict=True):
            host = {"g": 0.03, "r": 0.1, "z": 0.2}[band] * np.exp(-((r / 5) ** 2))
            arc = label * ring * colour * np.exp(-(((r - theta_e / 0.262) / 2) ** 2))
            images[band] = (host + arc + noise[band]).astype(np.float32)
        reasons = int(Reason.MASKED_PIXELS if label else Reason.MASKED_PIXELS | Reason.PARTNER_REFUSED) if refused else 0
        rows.append(_row(shard, split, n, label, theta_e, reasons, None if refused else encode_stamp(images), size))
    return rows


def _row(
    shard: int, split: str, n: int, label: int, theta_e: float, reasons: int, blob: bytes | None, size: int
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "task_id": f"{shard:04d}{n:08d}{label:020d}",
        "pair_id": f"{shard:04d}{n:08d}",
        "host_id": f"9010-{shard}-{n}",
        "cell": 1000 * shard + n // 8,
        "shard": shard,
        "split": split,
        "kind": "lens" if label else "control",
        "label": label,
        "configuration": 0,
        "replicate": 0,
        "recipe_hash": RECIPE_HASH,
        "run_seed": SEED,
        "ra_deg": 10.0 + 0.01 * n,
        "dec_deg": -5.0 + shard,
        "brickname": f"{shard:04d}m050",
        "size_pix": size,
        "x_centre_pix": size / 2,
        "y_centre_pix": size / 2,
        "masked_fraction": 0.0,
        "uncovered_fraction": 0.0,
        "reasons": reasons,
        "stamp_npz": blob,
    }
    for band, fwhm, depth in zip(BANDS, (1.35, 1.25, 1.2), (24.7, 23.9, 23.0), strict=True):
        row[f"psf_fwhm_{band}_arcsec"] = fwhm + 0.001 * (n % 50)
        row[f"psf_depth_{band}_mag"] = depth
        row[f"sky_sigma_{band}_nmgy"] = SIGMA[band]
        row[f"mag_raw_{band}"] = {"g": 20.0, "r": 18.6, "z": 17.9}[band]
    if label:
        row |= {"z_lens": 0.4, "z_lens_origin": "colour", "z_source": 1.5, "sigma_v_kms": 230.0, "theta_e_arcsec": theta_e}
        row |= {"source_kind": "sersic", "n_drawn": 3, "n_refused_snr": 2}
        row |= {f"source_mag_{band}": 23.0 for band in BANDS}
        if blob:
            row |= {"magnification": 6.0, "arc_snr": 20.0 + n, "arc_to_host_flux": 0.1, "theta_e_over_fwhm": theta_e / 1.25}
            row |= {f"injected_mag_{band}": 21.0 for band in BANDS}
    return row


def _host(row: dict[str, Any]) -> dict[str, Any]:
    host = {name: row[name] for name in ("host_id", "ra_deg", "dec_deg", "brickname", "cell")}
    for band in (*BANDS, "w1"):
        host |= {f"flux_{band}_nmgy": 30.0, f"mw_transmission_{band}": 0.95, f"mag_{band}": 18.8}
    for band in BANDS:
        host |= {f"nobs_{band}": 4, f"psf_fwhm_catalogue_{band}_arcsec": 1.3}
        host |= {name: row[name] for name in (f"mag_raw_{band}", f"psf_depth_{band}_mag")}
    host |= {"morphology": "DEV", "shape_r_arcsec": 1.0, "shape_e1": 0.1, "shape_e2": 0.0, "sersic_n": 4.0}
    return host | {"maskbits": 0, "z_phot": None, "lrg_cuts": 31, "in_anchor_cell": False, "reasons": 0}
