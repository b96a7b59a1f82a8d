"""The stand-in's lenses as anchors: the same pixels and conditions, random sky beside them, read by what reads anchors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standin_anchors
from standin_settings import Settings

from schemas.array_codec import decode_arrays, decode_stamp
from schemas.contract_files import read_table
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError
from schemas.run_record import run_files
from schemas.stamps import STAMPS
from schemas.survey import BANDS
from tests.deploy.proof.conftest import LENSES
from tests.synthetic_stamps import write_stamps_directory
from trainer.anchor_integrity import judge_anchors, judge_random_sky, read_cutouts
from trainer.anchor_rows import read_anchors


@pytest.fixture(scope="module")
def anchors(standin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("anchors") / "out"
    assert standin_anchors.main(["--sky", str(standin), "--out", str(out)]) == 0
    return out


def lenses(standin: Path) -> list[dict[str, Any]]:
    rows = [row for path in run_files(standin, STAMPS, "split=test/") for row in read_table(path, STAMPS).to_pylist()]
    return [row for row in rows if row["label"] == 1]


def test_every_lens_becomes_an_anchor_with_its_place_radius_and_magnitude(standin: Path, anchors: Path) -> None:
    listed = {row["name"]: row for row in read_anchors(anchors / "anchors")}
    assert len(listed) == LENSES
    for lens in lenses(standin):
        row = listed[lens["host_id"]]
        assert (row["ra_deg"], row["dec_deg"], row["mag_r"]) == (lens["ra_deg"], lens["dec_deg"], lens["mag_raw_r"])
        assert (row["theta_e_arcsec"], row["label"], row["object_class"]) == (lens["theta_e_arcsec"], 1, "lens")


def test_the_cutouts_hold_the_stamps_pixels_conditions_and_noise(standin: Path, anchors: Path) -> None:
    cutouts = {
        row["host_id"]: row
        for path in run_files(anchors / "anchor_cutouts", CUTOUTS)
        for row in read_table(path, CUTOUTS).to_pylist()
    }
    for lens in lenses(standin):
        cutout = cutouts[lens["host_id"]]
        arrays = decode_arrays(cutout["cutout_npz"])
        for n, band in enumerate(BANDS):
            assert np.array_equal(arrays[f"image_{band}"], decode_stamp(lens["stamp_npz"])[n])
            assert arrays[f"invvar_{band}"][0, 0] == pytest.approx(lens[f"sky_sigma_{band}_nmgy"] ** -2)
            assert cutout[f"psf_fwhm_{band}_arcsec"] == lens[f"psf_fwhm_{band}_arcsec"]


def test_a_galaxy_is_at_every_anchor_and_at_no_place_of_random_sky(anchors: Path) -> None:
    listed = read_anchors(anchors / "anchors")
    cutouts, sky = (read_cutouts(anchors / name) for name in ("anchor_cutouts", "random_sky_cutouts"))
    assert [row["holds"] for row in judge_anchors(listed, cutouts, "here")] == [True] * LENSES
    assert [row["holds"] for row in judge_random_sky(listed, sky)] == [False] * LENSES
    for name, place in sky.items():
        assert abs(place["dec_deg"] - cutouts[name]["dec_deg"]) == pytest.approx(0.05)


def test_fewer_may_be_taken_and_a_second_run_changes_nothing(standin: Path, tmp_path: Path) -> None:
    command = ["--sky", str(standin), "--count", "2", "--out", str(tmp_path / "out")]
    assert standin_anchors.main(command) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.parquet")}
    assert standin_anchors.main(command) == 0
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.parquet")} == before
    assert len(read_anchors(tmp_path / "out" / "anchors")) == 2
    with pytest.raises(InputError, match="--count 0; wanted 1 lens or more"):
        standin_anchors.main(["--sky", str(standin), "--count", "0", "--out", str(tmp_path / "none")])


def test_stamps_that_are_no_standin_are_refused(tmp_path: Path) -> None:
    stamps = write_stamps_directory(tmp_path, {"test": 2}, size=16, refused_pairs=0).stamps
    with pytest.raises(InputError, match=f"this code's stand-in has {Settings().recipe_hash}"):
        standin_anchors.main(["--sky", str(stamps), "--out", str(tmp_path / "out")])
