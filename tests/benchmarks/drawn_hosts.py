"""Hosts tables of any size without a catalogue: rows of a small drawn sky again and again, each at a place of its own.

Counts stand for the survey's: so many bricks of its tiling, so many hosts that a recipe uses, so many that it leaves out.
Bricks differ in their hosts as a clustered sky does (a gamma law of shape 4, then chance). A file holds a box of 10 x 5
degrees, as sweeps do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.code_version import code_version
from schemas.contract_files import Provenance, read_table, write_table
from schemas.hosts import HOSTS
from schemas.run_record import RunIdentity, begin_run, finish_run, run_files
from spark_jobs.transforms.mock.brick_tiling import Brick, brick_at
from spark_jobs.transforms.mock.mock_sweep import sweep_name
from spark_jobs.transforms.sky_positions import sky_cells

CLUSTERING_SHAPE = 4.0
SOUTHERNMOST_DEG, NORTHERNMOST_DEG = -65.0, 33.0


@dataclass(frozen=True)
class HostCounts:
    """Hosts that a recipe uses, in so many bricks; hosts that it leaves out lie in those and in ``other_bricks``."""

    used: int
    bricks: int
    left_out: int = 0
    other_bricks: int = 0


def draw_hosts(out: Path, like: Path, counts: HostCounts, seed: int = 5) -> Path:
    """A finished hosts directory whose rows are those of ``like``, another one, varied by a tenth of a magnitude."""
    rng = np.random.default_rng(seed)
    pattern = pa.concat_tables([read_table(path, HOSTS) for path in run_files(like, HOSTS)])
    pattern = pattern.filter(pc.equal(pattern["reasons"], 0))
    bricks = survey_bricks(counts.bricks + counts.other_bricks)
    busy = np.sort(rng.permutation(len(bricks))[: counts.bricks])
    used, left_out = np.zeros(len(bricks), int), clustered(rng, counts.left_out, len(bricks))
    used[busy] = clustered(rng, counts.used, counts.bricks)
    boxes: dict[str, list[int]] = defaultdict(list)
    for number, brick in enumerate(bricks):
        boxes[sweep_name(brick)].append(number)
    identity = RunIdentity("drawn-hosts", code_version(), run_seed=seed)
    begin_run(out, identity)
    files = []
    for name, numbers in sorted(boxes.items()):
        files.append(out / f"{name}.parquet")
        here = [bricks[number] for number in numbers]
        rows = [host_rows(rng, pattern, here, used[numbers], 0.0), host_rows(rng, pattern, here, left_out[numbers], 3.0)]
        write_table(files[-1], pa.concat_tables(rows), HOSTS, Provenance(code_version()))
    finish_run(out, identity, files, {}, {})
    return out


def survey_bricks(count: int) -> list[Brick]:
    """The first bricks of the survey's tiling, box of 10 x 5 degrees after box, between its southern and northern end."""
    return [brick for _, brick in zip(range(count), _bricks(), strict=False)]


def clustered(rng: np.random.Generator, hosts: int, bricks: int) -> np.ndarray:
    """How many of the hosts lie in each brick; they add up."""
    density = rng.gamma(CLUSTERING_SHAPE, size=bricks)
    return rng.multinomial(hosts, density / density.sum())


def host_rows(
    rng: np.random.Generator, pattern: pa.Table, bricks: list[Brick], counts: np.ndarray, fainter_mag: float
) -> pa.Table:
    """So many rows in each brick, each a row of ``pattern`` at another place, ``fainter_mag`` fainter."""
    n, whose = int(counts.sum()), np.repeat(np.arange(len(bricks)), counts)
    edges = np.array([[brick.ra1, brick.ra2, brick.dec1, brick.dec2] for brick in bricks])[whose]
    ra, dec = (edges[:, low] + rng.random(n) * (edges[:, low + 1] - edges[:, low]) for low in (0, 2))
    first = "9010" if not fainter_mag else "9011"
    within = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    numbers = np.array([brick.brick_id for brick in bricks])[whose]
    table = pattern.take(pa.array(rng.integers(0, pattern.num_rows, n)))
    shift = fainter_mag + 0.1 * rng.standard_normal(n)
    changed = {
        "host_id": pa.array([f"{first}-{brick}-{row}" for brick, row in zip(numbers.tolist(), within.tolist(), strict=True)]),
        "ra_deg": pa.array(ra),
        "dec_deg": pa.array(dec),
        "brickname": pa.array([brick.name for brick in bricks]).take(pa.array(whose)),
        "cell": pa.array(sky_cells(ra, dec)),
        "in_anchor_cell": pa.array(np.zeros(n, bool)),
        "shape_r_arcsec": pc.multiply(table["shape_r_arcsec"], pa.array(10 ** (0.05 * rng.standard_normal(n)))),
    }
    for name in table.column_names:
        if name.startswith("mag_"):
            changed[name] = pc.add(table[name], pa.array(shift))
        elif name.startswith("flux_"):
            changed[name] = pc.multiply(table[name], pa.array(10 ** (-0.4 * shift)))
    columns = [changed.get(name, table[name]) for name in HOSTS.names]
    return pa.Table.from_arrays(columns, names=HOSTS.names).cast(HOSTS.arrow_schema())


def _bricks() -> Iterator[Brick]:
    """Every brick, each once."""
    for south in np.arange(SOUTHERNMOST_DEG, NORTHERNMOST_DEG, 5.0):
        for west in range(0, 360, 10):
            for dec in np.arange(south, south + 5.0, 0.25):
                brick = brick_at(west, dec)
                while brick.ra < west:  # the first one that has its middle in this box
                    brick = brick_at(brick.ra2 + 1e-9, dec)
                while west <= brick.ra < west + 10:
                    if south <= brick.dec < south + 5.0:
                        yield brick
                    if brick.ra2 >= 360.0:
                        break
                    brick = brick_at(brick.ra2 + 1e-9, dec)
