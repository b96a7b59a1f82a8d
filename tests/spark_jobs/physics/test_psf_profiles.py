"""The PSF's profiles and transfer functions: unit light, the width asked for, closed forms and Hankel transforms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import j0

from spark_jobs.physics.psf_profiles import TABLE_END, TABLE_STEP, CircularPsf

PSFS = [CircularPsf(1.25), CircularPsf(0.9, beta=2.2), CircularPsf(2.0, beta=4.765), CircularPsf(1.1, profile="gaussian")]


@settings(max_examples=50, deadline=None)
@given(st.floats(0.4, 10.0), st.sampled_from(["moffat", "gaussian"]), st.floats(1.5, 10.0))
def test_half_the_peak_is_left_at_half_the_width(fwhm: float, profile: str, beta: float) -> None:
    psf = CircularPsf(fwhm, profile, beta)
    assert psf.brightness(0.5 * fwhm) == pytest.approx(0.5 * psf.brightness(0.0), rel=1e-12)


@pytest.mark.parametrize("psf", PSFS)
def test_all_light_arrives(psf: CircularPsf) -> None:
    light, _ = quad(lambda r: 2 * math.pi * r * psf.brightness(r), 0, math.inf, epsabs=1e-11, limit=200)
    assert light == pytest.approx(1.0, rel=1e-8)


@pytest.mark.parametrize("psf", PSFS)
def test_the_transfer_function_is_the_hankel_transform_of_the_profile(psf: CircularPsf) -> None:
    node, weight = np.polynomial.legendre.leggauss(20)
    r = psf.scale_arcsec * (np.arange(1000)[:, None] + 0.5 * (node + 1)) / 2  # out to 500 scale lengths
    ring = 2 * np.pi * r * psf.brightness(r) * weight * psf.scale_arcsec / 4
    for row in (1, 125, 250, 500, 1000):
        k = row * TABLE_STEP / psf.scale_arcsec
        assert psf.transfer_table()[row] == pytest.approx(np.sum(ring * j0(k * r)), abs=1e-6)


def test_the_transfer_function_is_the_closed_form_where_there_is_one() -> None:
    t = np.arange(0.0, TABLE_END + TABLE_STEP, TABLE_STEP)
    closed = {1.5: 1.0, 2.5: 1 + t, 3.5: 1 + t + t**2 / 3}  # Bessel functions of half-integer order
    for beta, factor in closed.items():
        np.testing.assert_allclose(CircularPsf(1.0, beta=beta).transfer_table(), factor * np.exp(-t), rtol=1e-12)
    np.testing.assert_allclose(CircularPsf(1.0, profile="gaussian").transfer_table(), np.exp(-0.5 * t**2), rtol=1e-12)


@pytest.mark.parametrize("psf", PSFS)
def test_the_transfer_function_is_one_at_zero_and_falls_from_there(psf: CircularPsf) -> None:
    table = psf.transfer_table()
    assert table[0] == 1.0
    assert np.all(np.diff(table) <= 0)
    assert 0 <= table[-1] < 1e-12


@pytest.mark.parametrize(
    ("fwhm", "profile", "beta", "text"),
    [
        (0.39, "moffat", 3.5, "PSF FWHM is 0.39 arcsec; wanted 0.4 to 10.0 arcsec"),
        (10.1, "moffat", 3.5, "PSF FWHM is 10.1 arcsec; wanted 0.4 to 10.0 arcsec"),
        (math.nan, "gaussian", 3.5, "PSF FWHM is nan arcsec; wanted 0.4 to 10.0 arcsec"),
        (1.0, "airy", 3.5, "PSF profile is 'airy'; wanted moffat or gaussian"),
        (1.0, "moffat", 1.0, "Moffat beta is 1.0; wanted a number above 1"),
        (1.0, "moffat", math.nan, "Moffat beta is nan; wanted a number above 1"),
    ],
)
def test_a_psf_that_is_none_is_refused(fwhm: float, profile: str, beta: float, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        CircularPsf(fwhm, profile, beta)


@pytest.mark.parametrize("psf", [CircularPsf(1.3), CircularPsf(0.9, "gaussian"), CircularPsf(2.0, beta=2.5)])
@pytest.mark.parametrize("share", [0.5, 1e-3, 1e-6])
def test_a_psf_reaches_to_where_it_has_fallen_to_a_share_of_its_peak(psf: CircularPsf, share: float) -> None:
    assert psf.brightness(psf.reach_arcsec(share)) == pytest.approx(share * float(psf.brightness(0.0)), rel=1e-9)
