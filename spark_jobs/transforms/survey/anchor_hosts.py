"""Anchors as hosts to be cut: each usable one in the brick that owns its position, under its own name."""

from __future__ import annotations

from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from schemas.anchors import ANCHORS
from schemas.contract_files import read_table
from schemas.hosts import HOSTS
from schemas.locations import AnyLocation, Location
from schemas.run_record import run_files
from spark_jobs.transforms.mock.brick_tiling import brick_at
from spark_jobs.transforms.sky_positions import sky_cells
from spark_jobs.transforms.survey.cutout_rows import HOST_COLUMNS


def finished_anchor_files(directory: AnyLocation) -> list[AnyLocation]:
    """The files of a finished anchors table."""
    return run_files(cast(AnyLocation, directory.resolve()), ANCHORS)


def anchors_as_hosts(path: Location) -> pa.Table:
    """A file of anchors as a table with HOST_COLUMNS; PSF and depth of a catalogue are not known, so they are null.

    Anchors that their list refused are left out: some have no position.
    """
    anchors = read_table(path, ANCHORS, ("name", "ra_deg", "dec_deg", "reasons"))
    anchors = anchors.filter(pc.equal(anchors["reasons"], 0))
    ra, dec = (anchors[name].to_numpy() for name in ("ra_deg", "dec_deg"))
    known = {
        "host_id": anchors["name"],
        "ra_deg": anchors["ra_deg"],
        "dec_deg": anchors["dec_deg"],
        "brickname": pa.array(
            [brick_at(*position).name for position in zip(ra.tolist(), dec.tolist(), strict=True)], pa.string()
        ),
        "cell": pa.array(sky_cells(ra, dec)),
        "reasons": anchors["reasons"],
    }
    schema = HOSTS.arrow_schema(HOST_COLUMNS)
    nothing = pa.nulls(len(anchors))
    return pa.table({name: known.get(name, nothing) for name in schema.names}).cast(schema)
