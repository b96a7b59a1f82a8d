"""What lies on a mock brick: hosts that the cuts keep, galaxies and stars that follow their counts."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.survey import PIXEL_SCALE_ARCSEC
from spark_jobs.transforms.keyed_chance import generator
from spark_jobs.transforms.mock.mock_population import Objects, draw_field, draw_hosts, draw_stars, objects_of
from tests.spark_jobs.small_mock_sky import NAME, small_mock


@pytest.fixture(scope="module")
def hosts() -> Objects:
    return draw_hosts(generator("test"), small_mock().sky.hosts, 500, 3600)


def _mag(objects: Objects, band: str) -> np.ndarray:
    return 22.5 - 2.5 * np.log10(objects[f"flux_{band}"])


def test_every_host_passes_the_lrg_cut_v3(hosts: Objects) -> None:
    assert (_mag(hosts, "z") < 20.4).all()
    assert (_mag(hosts, "r") - _mag(hosts, "z") > 0.4).all()
    assert (_mag(hosts, "z") - _mag(hosts, "w1") > 0.8).all()
    assert ((_mag(hosts, "r") > 17) & (_mag(hosts, "r") < 20)).all()


def test_hosts_span_the_redshifts_and_redden_with_them(hosts: Objects) -> None:
    z, colour = hosts["redshift"], _mag(hosts, "r") - _mag(hosts, "z")
    assert z.min() < 0.25
    assert z.max() > 0.6
    assert np.corrcoef(z, colour)[0, 1] > 0.8


def test_hosts_are_early_types_of_realistic_size_and_shape(hosts: Objects) -> None:
    assert set(hosts["type"]) == {"DEV", "SER"}
    assert (hosts["sersic"][hosts["type"] == "DEV"] == 4).all()
    assert 1.0 < np.median(hosts["shape_r"]) < 3.0
    e = np.hypot(hosts["e1"], hosts["e2"])
    axis_ratio = (1 - e) / (1 + e)
    assert axis_ratio.min() > 0.34
    assert axis_ratio.max() < 0.981
    assert abs(hosts["e1"].mean()) < 0.03  # no preferred direction


def test_hosts_keep_their_distance_where_there_is_room(hosts: Objects) -> None:
    sparse = draw_hosts(generator("sparse"), small_mock().sky.hosts, 60, 1200)
    assert _least_separation_arcsec(sparse) >= 12.0
    crowded = draw_hosts(generator("crowded"), small_mock().sky.hosts, 60, 300)
    assert 2.0 < _least_separation_arcsec(crowded) < 12.0


def test_field_galaxies_are_faint_and_bluer_and_small_ones_are_round() -> None:
    field = draw_field(generator("field"), small_mock().sky.field, 4000, 3600)
    mag = _mag(field, "r")
    per_magnitude = np.diff([np.sum(mag < limit) for limit in (21, 22, 23, 24)])
    assert np.log10(per_magnitude[1:] / per_magnitude[:-1]) == pytest.approx([0.36, 0.36], abs=0.08)
    rex = field["type"] == "REX"
    assert (field["e1"][rex] == 0).all()
    assert field["shape_r"][rex].max() <= field["shape_r"][~rex].min()
    assert np.mean((mag - _mag(field, "z"))[mag > 23]) < np.mean((mag - _mag(field, "z"))[mag < 21])


def test_stars_are_points_and_some_are_bright_enough_to_be_masked() -> None:
    stars = draw_stars(generator("stars"), small_mock().sky.stars, 2000, 3600)
    assert set(stars["type"]) == {"PSF"}
    assert (stars["shape_r"] == 0).all()
    assert 10 < np.sum(_mag(stars, "r") < 16) < 400


def test_objects_follow_from_seed_and_name_alone() -> None:
    assert objects_of(small_mock(), NAME).tobytes() == objects_of(small_mock(bands=("g",)), NAME).tobytes()
    assert objects_of(small_mock(), NAME).tobytes() != objects_of(small_mock(seed=4), NAME).tobytes()
    assert objects_of(small_mock(), NAME).tobytes() != objects_of(small_mock(), "1503p020").tobytes()


def test_the_survey_s_density_of_hosts_is_drawn_where_no_number_is_asked() -> None:
    brick = objects_of(small_mock(hosts_per_brick=None, brick_size_pix=3600), NAME)
    assert np.sum(brick["population"] == "host") == pytest.approx(84, abs=30)
    assert np.sum(objects_of(small_mock(hosts_per_brick=7), NAME)["population"] == "host") == 7


def _least_separation_arcsec(objects: Objects) -> float:
    apart = np.hypot(objects["x"][:, None] - objects["x"], objects["y"][:, None] - objects["y"])
    return float(apart[~np.eye(len(objects), dtype=bool)].min() * PIXEL_SCALE_ARCSEC)
