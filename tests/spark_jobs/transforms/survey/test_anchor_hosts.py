"""Anchors cut like hosts: in the brick that owns each, under its name, refused ones left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.anchors import ANCHORS
from schemas.array_codec import decode_arrays
from schemas.contract_files import Provenance, read_table, write_table
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.run_record import RunError, RunIdentity, begin_run, finish_run
from spark_jobs.survey_settings import load_survey
from spark_jobs.transforms.survey.anchor_hosts import anchors_as_hosts, finished_anchor_files
from spark_jobs.transforms.survey.brick_cutouts import CutoutSettings
from spark_jobs.transforms.survey.bricks_there import require_a_brick
from spark_jobs.transforms.survey.cutout_files import CutoutTask, write_cutouts
from spark_jobs.transforms.survey.cutout_rows import HOST_COLUMNS
from tests.spark_jobs.small_brick import BRICK, noise_planes, sky_of, write_brick

INSIDE, ELSEWHERE = sky_of(120, 90), (10.0, 20.0)


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    """A finished anchors run: one on the small brick, one elsewhere, one refused, one without a position."""
    places = [(*INSIDE, 0), (*ELSEWHERE, 0), (*INSIDE, int(Reason.TWICE_ON_SKY)), (None, None, int(Reason.POSITION_UNREADABLE))]
    same = {"object_class": "lens", "label": 1, "discovery": "unknown", "tier": "", "reference": "", "remark": ""}
    rows = [
        dict.fromkeys(ANCHORS.names) | same | {"name": f"lens {n}", "ra_deg": ra, "dec_deg": dec, "reasons": bits}
        for n, (ra, dec, bits) in enumerate(places)
    ]
    identity, out = RunIdentity("anchors", "test"), tmp_path / "anchors"
    begin_run(out, identity)
    write_table(out / "anchors.parquet", pa.Table.from_pylist(rows, ANCHORS.arrow_schema()), ANCHORS, Provenance("test"))
    finish_run(out, identity, [out / "anchors.parquet"], {}, {})
    return out


def test_usable_anchors_become_hosts_in_the_brick_that_owns_them(anchors: Path) -> None:
    (file,) = finished_anchor_files(anchors)
    hosts = anchors_as_hosts(file)
    assert set(hosts.column_names) == set(HOST_COLUMNS)
    assert hosts["host_id"].to_pylist() == ["lens 0", "lens 1"]
    assert hosts["brickname"].to_pylist() == [BRICK, "0099p200"]
    assert hosts["psf_depth_r_mag"].null_count == 2


def test_the_stamp_of_an_anchor_is_the_bricks_pixels_around_its_position(anchors: Path, tmp_path: Path) -> None:
    planes = noise_planes("gr")
    settings = CutoutSettings(write_brick(tmp_path, planes), load_survey("legacy_dr10"), 32, ("g", "r"))
    (file,) = finished_anchor_files(anchors)
    write_cutouts(settings, Provenance("test"), CutoutTask(file, tmp_path / "cut.parquet", of_anchors=True))
    rows = {row["host_id"]: row for row in read_table(tmp_path / "cut.parquet", CUTOUTS).to_pylist()}
    assert sorted(rows) == ["lens 0", "lens 1"]
    assert rows["lens 1"]["reasons"] == Reason.BRICK_MISSING and rows["lens 1"]["cutout_npz"] is None
    seen = decode_arrays(rows["lens 0"]["cutout_npz"])["image_r"]
    assert (rows["lens 0"]["x_centre_pix"], rows["lens 0"]["y_centre_pix"]) == pytest.approx((16, 16), abs=1e-3)
    np.testing.assert_allclose(seen, planes["image-r"][90 - 16 : 90 + 16, 120 - 16 : 120 + 16], atol=1e-3)


def test_a_folder_without_any_brick_of_the_anchors_is_taken_for_a_mistake(anchors: Path, tmp_path: Path) -> None:
    tasks = [CutoutTask(file, tmp_path / "cut.parquet", of_anchors=True) for file in finished_anchor_files(anchors)]
    with pytest.raises(InputError, match="none of the 2 bricks of the hosts is below"):
        require_a_brick(tmp_path, tasks)
    require_a_brick(write_brick(tmp_path, noise_planes("g", side=100)), tasks)


def test_what_is_no_finished_anchors_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        finished_anchor_files(tmp_path)
