"""Widths of light about a point against PSFs of known width, and the gates on blur with and without their faults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from schemas.locations import location
from schemas.survey import BANDS
from tests.trainer.gate_stamps import Fault, write_pairs
from trainer.gates.arc_features import NAMES, arc_features
from trainer.gates.arc_width_gates import arc_width_gate, clump, clump_interval, star_width_gate
from trainer.gates.arc_width_moments import FWHM_IN_SIGMA, Point, brightest_point, light_widths
from trainer.gates.arc_width_stars import less_its_half_turn, star_features
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Verdict
from trainer.gates.gated_stamps import GatedStamps, gather_stamps
from trainer.gates.stamp_features import Centres
from trainer.gates.stamp_pass import Measured, measure

SIZE = 64
HOW = Chance(draws=40, seed=1)
Seen = tuple[GatedStamps, Measured]


def radii(x: float, y: float) -> np.ndarray:
    grid = np.arange(SIZE)
    return np.hypot(grid[None, :] - x, grid[:, None] - y)


def gaussian(x: float, y: float, fwhm: float) -> np.ndarray:
    return np.exp(-((radii(x, y) * FWHM_IN_SIGMA / fwhm) ** 2) / 2)


def moffat(x: float, y: float, fwhm: float, beta: float) -> np.ndarray:
    return (1 + (radii(x, y) / fwhm) ** 2 * 4 * (2 ** (1 / beta) - 1)) ** -beta


def at(x: int, y: int) -> Point:
    return Point(np.array([x]), np.array([y]), np.ones(1))


def centres(n: int, x: float = 32.0, y: float = 32.0) -> Centres:
    return Centres(np.full(n, x), np.full(n, y), np.full((n, 3), np.nan))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return seen(tmp_path_factory.mktemp("clean"), Fault())


def seen(folder: Path, fault: Fault) -> Seen:
    stamps = gather_stamps(location(str(write_pairs(folder, {"train": 180}, fault).stamps)), "train", 10**6, 1)
    return stamps, measure(stamps)


@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.4, -0.5), (0.9, 0.8)])
@pytest.mark.parametrize("fwhm", [2.5, 4.8, 7.0])
def test_a_gaussian_has_its_own_width_wherever_it_lies_between_pixels(fwhm: float, offset: tuple[float, float]) -> None:
    across, along = light_widths(gaussian(30 + offset[0], 25 + offset[1], fwhm)[None], at(30, 25))
    assert [across[0], along[0]] == pytest.approx([fwhm, fwhm], rel=0.03)


@pytest.mark.parametrize("beta", [2.5, 3.5, 5.0])
@pytest.mark.parametrize("fwhm_arcsec", [1.0, 1.25, 1.5, 1.9])
def test_a_moffat_psf_is_measured_to_seven_per_cent_whatever_its_wings(fwhm_arcsec: float, beta: float) -> None:
    fwhm = fwhm_arcsec / 0.262
    across, _ = light_widths(moffat(30.3, 25.2, fwhm, beta)[None], at(30, 25))
    assert 0.98 < across[0] / fwhm < 1.07


def test_an_ellipse_has_two_widths_at_any_angle() -> None:
    grid = np.arange(SIZE)
    x, y = grid[None, :] - 30.0, grid[:, None] - 25.0
    for angle in (0.0, 0.6, 2.0):
        u, v = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
        image = np.exp(-((FWHM_IN_SIGMA * u / 8) ** 2 + (FWHM_IN_SIGMA * v / 4) ** 2) / 2)
        across, along = light_widths(image[None], at(30, 25))
        assert [across[0], along[0]] == pytest.approx([4.0, 8.0], rel=0.02)


def test_where_there_is_no_peak_there_is_no_width() -> None:
    flat, dip = np.ones((1, SIZE, SIZE)), 2 - gaussian(30, 25, 5.0)[None]
    for image in (flat, dip, np.zeros((1, SIZE, SIZE))):
        across, along = (values[0] for values in light_widths(image, at(30, 25)))
        assert not across < 10 * SIZE, image  # NaN, or as wide as no light is
        assert not along < 10 * SIZE, image


def test_the_brightest_point_is_sought_away_from_the_border_and_where_allowed() -> None:
    image = gaussian(40, 20, 4) + 3 * gaussian(2, 50, 4) + 2 * gaussian(20, 45, 4)
    anywhere = np.ones((1, SIZE, SIZE), bool)
    point = brightest_point(image[None], anywhere)
    assert (point.x[0], point.y[0]) == (20, 45)
    assert point.peak[0] == pytest.approx(image[44:47, 19:22].mean())
    right = anywhere & (np.arange(SIZE) > 30)
    assert [c[0] for c in (brightest_point(image[None], right).x, brightest_point(image[None], right).y)] == [40, 20]


def test_a_thin_ring_is_as_wide_across_as_its_psf_in_each_band_and_the_host_does_not_matter() -> None:
    host = np.stack([50 * gaussian(32, 32, 8.0)] * 3)
    arc = np.stack([np.exp(-(((radii(32, 32) - 9) * FWHM_IN_SIGMA / fwhm) ** 2) / 2) for fwhm in (5.2, 4.8, 4.4)])
    arc *= 1 + 0.8 * (np.arange(SIZE) - 32) / 32  # brighter on one side
    found = arc_features((host + arc)[None].astype(np.float32), host[None].astype(np.float32), centres(1))
    assert tuple(found) == NAMES
    assert [found[f"arc_width_{band}"][0] for band in BANDS] == pytest.approx([5.2, 4.8, 4.4], rel=0.05)
    assert found["arc_peak_g"][0] == pytest.approx(arc[0].max(), rel=0.2)


def test_a_round_host_goes_with_its_half_turn_and_a_star_beside_it_is_measured() -> None:
    x, y = 32.5, 31.5
    host = np.stack([100 * gaussian(x, y, 12.0)] * 3)
    star = np.stack([gaussian(50, 40, fwhm) for fwhm in (5.2, 4.8, 4.4)])
    alone = less_its_half_turn(host[None].astype(np.float32), centres(1, x, y))
    assert np.abs(alone).max() < 1e-4
    found = star_features((host + star)[None].astype(np.float32), centres(1, x, y))
    assert found["star_across"][0] == pytest.approx([5.2, 4.8, 4.4], rel=0.02)
    assert found["star_along"][0] == pytest.approx([5.2, 4.8, 4.4], rel=0.02)
    assert found["star_peak"][0, 1] == pytest.approx(1.0, rel=0.15)


def test_light_of_the_galaxy_itself_is_no_neighbour() -> None:
    lump = np.stack([gaussian(39, 32, 4.0)] * 3)  # 7 pixels from the centre
    far = np.stack([0.1 * gaussian(15, 15, 4.0)] * 3)
    found = star_features((lump + far)[None].astype(np.float32), centres(1))
    assert found["star_peak"][0, 1] < 0.11


def test_small_stamps_have_no_neighbour_and_no_arc_width() -> None:
    images = np.ones((2, 3, 12, 12), np.float32)
    assert all(np.isnan(values).all() for values in star_features(images, centres(2, 6, 6)).values())
    assert np.isnan(arc_features(images, 0 * images, centres(2, 6, 6))["arc_width_r"]).all()


def test_stars_are_found_as_the_clump_among_galaxies() -> None:
    rng = np.random.default_rng(0)
    stars, galaxies = rng.normal(1.02, 0.02, 40), rng.uniform(1.1, 2.0, 100)
    values = np.concatenate([galaxies, stars])
    middle, n = clump(values)
    assert middle == pytest.approx(1.02, abs=0.02)
    assert 35 <= n <= 50
    interval = clump_interval(values, np.arange(len(values)), HOW)
    assert 0.98 < interval.low <= interval.value <= interval.high < 1.06


def test_arcs_and_stars_of_the_stated_width_pass(clean: Seen) -> None:
    arcs, stars = arc_width_gate(*clean, HOW), star_width_gate(*clean, HOW)
    assert (arcs.verdict, stars.verdict) == (Verdict.PASS, Verdict.PASS)
    assert arcs.behind.n_positive > 100
    assert stars.behind.n_negative > 40
    assert stars.behind.n_hosts == stars.behind.n_negative  # each host once
    assert arcs.evidence.table is not None
    assert [row[0] for row in arcs.evidence.table.rows] == list(BANDS)


@pytest.mark.slow
@pytest.mark.parametrize(("blur", "low", "high"), [(0.5, 0.45, 0.65), (1.5, 1.38, 1.6)])
def test_arcs_blurred_with_another_width_fail(blur: float, low: float, high: float, tmp_path: Path) -> None:
    data = seen(tmp_path, Fault(arc_blur=blur))
    gate = arc_width_gate(*data, HOW)
    assert gate.verdict is Verdict.FAIL
    assert gate.interval is not None
    assert low < gate.interval.value < high
    assert star_width_gate(*data, HOW).verdict is Verdict.PASS


@pytest.mark.parametrize("times", [0.75, 1.3])
def test_a_stated_width_that_is_not_that_of_the_stars_fails(clean: Seen, times: float) -> None:
    stamps, measured = clean
    name = "psf_fwhm_z_arcsec"  # one band is enough
    wrong = replace(stamps, columns={**stamps.columns, name: stamps.columns[name] * times})
    gate = star_width_gate(wrong, measured, HOW)
    assert (gate.verdict, gate.why[:2]) == (Verdict.FAIL, "z:")
    assert star_width_gate(stamps, measured, HOW).verdict is Verdict.PASS


def test_arcs_that_are_not_resolved_or_too_faint_or_not_of_pairs_give_no_figure(clean: Seen) -> None:
    stamps, measured = clean
    unresolved = replace(stamps, columns={**stamps.columns, "theta_e_arcsec": np.full(len(stamps.cells), 0.7)})
    faint = replace(measured, arcs={**measured.arcs, **{f"arc_peak_{band}": np.zeros(len(stamps.cells)) for band in BANDS}})
    unpaired = replace(measured, arcs={name: np.full(len(stamps.cells), np.nan) for name in measured.arcs})
    for gate in (
        arc_width_gate(unresolved, measured, HOW),
        arc_width_gate(stamps, faint, HOW),
        arc_width_gate(stamps, unpaired, HOW),
    ):
        assert (gate.verdict, gate.interval) == (Verdict.NOT_SUPPORTED, None)
        assert gate.why == "too few pairs with a resolved and bright arc: 0; wanted 100"


def test_neighbours_that_are_faint_or_long_or_of_every_width_are_no_stars(clean: Seen) -> None:
    stamps, measured = clean
    features, rng = measured.features, np.random.default_rng(0)
    faint = {"star_peak": 0.01 * features["star_peak"]}
    long = {"star_along": 1.3 * features["star_along"]}
    spread = rng.uniform(1, 8, features["star_across"].shape)
    galaxies = {"star_across": spread, "star_along": spread}
    for change in (faint, long, galaxies):
        gate = star_width_gate(stamps, replace(measured, features={**features, **change}), HOW)
        assert gate.verdict is Verdict.NOT_SUPPORTED
        assert gate.why.startswith("too few stars beside hosts: ")
