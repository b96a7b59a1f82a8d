"""Colours of spectra at a redshift: even spectra have none, the hydrogen reddens, and real faint galaxies look so."""

from __future__ import annotations

import galsim
import numpy as np
import pytest

from spark_jobs.physics.source_colours import hydrogen_transmission, observed_colours

WAVELENGTH = np.geomspace(500, 12000, 4000)


@pytest.mark.parametrize("z", [0.0, 1.0, 2.0])
def test_a_spectrum_of_even_f_nu_has_no_colour(z: float) -> None:
    assert observed_colours(WAVELENGTH, WAVELENGTH**-2.0, z) == pytest.approx((0, 0), abs=2e-3)


@pytest.mark.parametrize("beta", [-2.5, -1.5, 0.0])
def test_a_power_law_has_the_colour_of_its_slope(beta: float) -> None:
    """f_lambda ~ lambda^beta: m = -2.5 (beta + 2) log10(lambda), between the windows' mean wavelengths."""
    g_r, r_z = observed_colours(WAVELENGTH, WAVELENGTH**beta, 1.0)
    assert g_r == pytest.approx(2.5 * (beta + 2) * np.log10(6400 / 4750), abs=0.02)
    assert r_z == pytest.approx(2.5 * (beta + 2) * np.log10(9215 / 6400), abs=0.02)


def test_hydrogen_absorbs_nothing_redward_of_lyman_alpha_and_all_far_blueward_at_high_redshift() -> None:
    assert set(hydrogen_transmission([1216.01 * 4, 9000.0], 3.0)) == {1.0}
    assert hydrogen_transmission(3000.0, 3.5) < 0.05
    assert set(hydrogen_transmission(np.linspace(4000, 10000, 50), 2.2)) == {1.0}


def test_hydrogen_just_below_lyman_alpha_is_the_paper_s_power_law() -> None:
    """exp(-0.0036 (1 + z)^3.46) at the line: 0.64 at z = 3 and 0.39 at z = 4 (Madau 1995, eq. 12)."""
    for z in (3.0, 4.0):
        assert hydrogen_transmission(1215.9 * (1 + z), z) == pytest.approx(np.exp(-0.0036 * (1 + z) ** 3.46), rel=2e-3)


def test_the_optical_depth_of_the_continuum_begins_at_the_lyman_limit_and_grows_blueward() -> None:
    z = 3.0
    edge = 912 * (1 + z)
    just_above, just_below = hydrogen_transmission([edge + 0.1, edge - 0.1], z)
    assert just_below == pytest.approx(just_above, rel=1e-2)
    ladder = hydrogen_transmission(np.linspace(edge - 100, edge, 30), z)
    assert (np.diff(ladder) > 0).all()


def test_the_forest_reddens_g_minus_r_beyond_redshift_3_and_leaves_r_minus_z() -> None:
    blue = WAVELENGTH**-1.5
    colours = [observed_colours(WAVELENGTH, blue, z) for z in (2.0, 3.0, 3.5, 4.0)]
    assert (np.diff([g_r for g_r, _ in colours]) > 0.05).all()
    assert colours[-1][0] - colours[0][0] > 1
    assert np.ptp([r_z for _, r_z in colours[:3]]) < 0.02
    assert colours[3][1] > colours[2][1] + 0.1  # Lyman alpha enters r at z = 3.65


@pytest.mark.parametrize(
    ("z", "wanted"),
    [(0.3, (0.6, 0.3)), (0.65, (0.6, 0.5)), (1.0, (0.2, 1.0)), (2.1, (0.15, 0.1)), (2.8, (0.2, 0.25)), (3.8, (1.0, 0.15))],
)
def test_a_star_forming_spectrum_has_the_colours_of_faint_cosmos_galaxies(z: float, wanted: tuple[float, float]) -> None:
    """Median HSC g - r and r - z of COSMOS galaxies to F814W 26 by photometric redshift; within their scatter."""
    spectrum = np.loadtxt(f"{galsim.meta_data.share_dir}/SEDs/CWW_Im_ext.sed", unpack=True)
    assert observed_colours(*spectrum, z) == pytest.approx(wanted, abs=0.45)


@pytest.mark.parametrize(("first", "last", "z"), [(2500, 12000, 1.0), (500, 8000, 0.1), (500, 12000, -0.1)])
def test_a_spectrum_that_does_not_reach_is_refused(first: float, last: float, z: float) -> None:
    wavelength = np.geomspace(first, last, 100)
    with pytest.raises(ValueError, match=f"spectrum from .* Angstrom at z {z}; wanted z of 0 or more"):
        observed_colours(wavelength, wavelength, z)
