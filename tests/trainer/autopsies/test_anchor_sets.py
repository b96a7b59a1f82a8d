"""Anchors become a set of images with what the table says of each; tables that do not belong together are refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.anchors import ANCHORS
from schemas.contract_files import Provenance, read_table, write_table
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.run_record import RunIdentity, begin_run, finish_run
from tests.trainer.autopsies.planted_anchors import AnchorPlaces, Cause, magnitude, planted_images, write_planted
from tests.trainer.drawn_anchors import write_cutout_rows
from tests.trainer.drawn_judges import DrawnJudge
from trainer.autopsies.anchor_sets import read_anchor_set, read_random_sky
from trainer.judge import Images, Numbers


def brightest(images: Images, metadata: Numbers) -> Numbers:
    return np.asarray(images[:, 1].max((1, 2)) + (metadata.sum(1) if metadata.size else 0), np.float64)


JUDGE = DrawnJudge(brightest)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> AnchorPlaces:
    return write_planted(tmp_path_factory.mktemp("anchors"), Cause(), count=10)


def recut(places: AnchorPlaces, out: Path, **changes: object) -> Path:
    rows = read_table(places.cutouts / "anchors.parquet", CUTOUTS).to_pylist()
    return write_cutout_rows(out, [row | changes for row in rows])


def test_every_anchor_keeps_its_pixels_radius_and_magnitude(places: AnchorPlaces) -> None:
    of = read_anchor_set(places.anchors, places.cutouts, JUDGE, 64)
    assert len(of.names) == 10 and set(of.columns) == {"theta_e_arcsec", "z_lens", "z_source", "mag_r"}
    for n, name in enumerate(of.names):
        np.testing.assert_array_equal(of.images[n, 1], planted_images(str(name), Cause())["r"])
        assert of.mag_r[n] == pytest.approx(magnitude(str(name), Cause()))
        assert of.logits[n] == pytest.approx(of.images[n, 1].max())
    assert np.isnan(of.columns["z_lens"]).all() and (of.columns["theta_e_arcsec"] > 0).all()


def test_the_network_is_told_what_it_wants_of_the_cutouts_table(places: AnchorPlaces) -> None:
    told = DrawnJudge(brightest, ("psf_depth_r_mag", "psf_fwhm_g_arcsec"))
    of = read_anchor_set(places.anchors, places.cutouts, told, 64)
    np.testing.assert_allclose(of.metadata, np.tile([23.9, 1.35], (10, 1)))


def test_a_column_that_cutouts_lack_is_named(places: AnchorPlaces) -> None:
    with pytest.raises(InputError, match="the network was told theta_e_arcsec, which the cutouts table does not have"):
        read_anchor_set(places.anchors, places.cutouts, DrawnJudge(brightest, ("theta_e_arcsec",)), 64)


def test_cutouts_of_other_names_are_refused(places: AnchorPlaces, tmp_path: Path) -> None:
    rows = read_table(places.cutouts / "anchors.parquet", CUTOUTS).to_pylist()
    other = write_cutout_rows(tmp_path / "other", [row | {"host_id": "of " + row["host_id"]} for row in rows])
    with pytest.raises(InputError, match=r"hold none of the 10 usable lenses of .*; wanted the cutouts of this table"):
        read_anchor_set(places.anchors, other, JUDGE, 64)


def test_cutouts_of_these_names_made_elsewhere_are_refused(places: AnchorPlaces) -> None:
    words = r"planted 00 was cut 173\.0 arcsec from the position in the anchors table; wanted within 0\.1"
    with pytest.raises(InputError, match=words):
        read_anchor_set(places.anchors, places.random_sky, JUDGE, 64)


def test_cutouts_of_another_size_are_refused(places: AnchorPlaces) -> None:
    words = re.escape("have 64 pixels; the checkpoint was trained on 32: cut them with dhs cut-hosts --size 32")
    for read in (
        lambda: read_anchor_set(places.anchors, places.cutouts, JUDGE, 32),
        lambda: read_random_sky(places.random_sky, JUDGE, 32),
    ):
        with pytest.raises(InputError, match=words):
            read()


def test_contaminants_and_rows_that_the_list_refused_are_no_anchors(places: AnchorPlaces, tmp_path: Path) -> None:
    rows = read_table(places.anchors / "anchors.parquet", ANCHORS).to_pylist()
    rows[0] |= {"label": 0, "object_class": "ring"}
    rows[1] |= {"reasons": int(Reason.TWICE_ON_SKY)}
    identity, path = RunIdentity("anchors", "test"), tmp_path / "anchors.parquet"
    begin_run(tmp_path, identity)
    write_table(path, pa.Table.from_pylist(rows, ANCHORS.arrow_schema()), ANCHORS, Provenance("test"))
    finish_run(tmp_path, identity, [path], {}, {})
    of = read_anchor_set(tmp_path, places.cutouts, JUDGE, 64)
    assert list(of.names) == [row["name"] for row in rows[2:]]


def test_a_refused_cutout_takes_no_part_and_all_refused_are_an_error(places: AnchorPlaces, tmp_path: Path) -> None:
    rows = read_table(places.cutouts / "anchors.parquet", CUTOUTS).to_pylist()
    some = write_cutout_rows(tmp_path / "some", [row | ({"cutout_npz": None} if n < 3 else {}) for n, row in enumerate(rows)])
    assert len(read_anchor_set(places.anchors, some, JUDGE, 64).names) == 7
    with pytest.raises(InputError, match="hold no pixels; wanted those of dhs anchors --random-sky"):
        read_random_sky(recut(places, tmp_path / "none", cutout_npz=None), JUDGE, 64)
