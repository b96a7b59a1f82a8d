"""A candidate is kept or rejected with its reason, and every one is counted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import galsim
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.transforms.bank.bank_template import (
    LARGEST_SIZE_RATIO,
    MEDIAN_TOLERANCE,
    SCATTER_TOLERANCE,
    Census,
    Template,
    blurred_radius_arcsec,
    keep_templates,
    measured_radius_arcsec,
    size_agreement,
)
from spark_jobs.transforms.bank.template_light import Rejection, RejectionError
from tests.spark_jobs.small_galaxies import make_template


def rejected(reason: Rejection) -> Callable[[], Template]:
    def make() -> Template:
        raise RejectionError(reason)

    return make


def kept(*makers: Callable[[], Template], **limits: int) -> tuple[list[str], Census]:
    census = Census()
    asked = {"min_snr": 15, "max_templates": None, **limits}
    return [template.template_id for template in keep_templates(makers, census, **asked)], census


@given(st.lists(st.sampled_from([None, *Rejection]), max_size=30))
def test_candidates_seen_are_those_kept_and_those_rejected(fates: list[Rejection | None]) -> None:
    makers = [
        rejected(fate) if fate else (lambda number=number: make_template(f"t-{number}")) for number, fate in enumerate(fates)
    ]
    names, census = kept(*makers)
    assert names == [f"t-{number}" for number, fate in enumerate(fates) if fate is None]
    assert (census.seen, census.kept) == (len(fates), len(names))
    assert census.seen == census.kept + census.rejected.total()
    assert {reason: count for reason, count in census.rejected.items() if count} == {
        reason: fates.count(reason) for reason in Rejection if reason in fates
    }


def test_the_account_names_the_reasons() -> None:
    _, census = kept(make_template, rejected(Rejection.NO_FLUX), rejected(Rejection.NO_FLUX), rejected(Rejection.FAINT))
    assert census.text() == "1 templates of 4 galaxies; rejected: 1 signal to noise too low, 2 total flux not positive"
    assert kept(make_template)[1].text() == "1 templates of 1 galaxies; rejected: none"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"snr": 15.0}, None),
        ({"snr": 14.99}, Rejection.FAINT),
        ({"snr": math.inf}, None),
        ({"half_light_catalogue_arcsec": 0.106 * 1.49}, None),
        ({"half_light_catalogue_arcsec": 0.106 * 1.51}, Rejection.SIZE),
        ({"half_light_catalogue_arcsec": 0.106 / 1.49}, None),
        ({"half_light_catalogue_arcsec": 0.106 / 1.51}, Rejection.SIZE),
        ({"half_light_catalogue_arcsec": math.nan}, None),
        ({"redshift": math.nan}, None),
        ({"mag_f814w": math.nan}, Rejection.ROW),
        ({"mag_f814w": 99.0}, Rejection.ROW),
        ({"mag_f814w": -99.0}, Rejection.ROW),
        ({"pixel_scale_arcsec": 0.0}, Rejection.ROW),
        ({"pixel_scale_arcsec": math.inf}, Rejection.ROW),
        ({"pixel_scale_arcsec": math.nan}, Rejection.ROW),
    ],
)
def test_a_template_must_be_bright_and_known_and_of_its_size(values: dict[str, float], reason: Rejection | None) -> None:
    assert LARGEST_SIZE_RATIO == 1.5
    names, census = kept(lambda: make_template(**values))
    assert len(names) == (reason is None)
    assert dict(census.rejected) == ({reason: 1} if reason else {})


def test_no_galaxy_is_looked_at_once_enough_are_kept() -> None:
    census = Census()

    def makers() -> Iterator[Callable[[], Template]]:
        yield rejected(Rejection.FAINT)
        for number in itertools.count():
            yield lambda number=number: make_template(f"t-{number}")

    found = keep_templates(makers(), census, min_snr=15, max_templates=3)
    assert [template.template_id for template in found] == ["t-0", "t-1", "t-2"]
    assert (census.seen, census.kept) == (4, 3)


def test_an_error_that_is_no_rejection_is_not_swallowed() -> None:
    def broken() -> Template:
        raise ValueError("a fault of the program")

    with pytest.raises(ValueError, match="a fault of the program"):
        kept(broken)


def test_sizes_agree_only_within_a_tenth_in_the_median_and_a_fifth_in_the_scatter() -> None:
    assert (MEDIAN_TOLERANCE, SCATTER_TOLERANCE) == (0.10, 0.20)
    spread = np.linspace(-1, 1, 101)
    cases = [(1.0, 0.1, True), (1.09, 0.1, True), (0.91, 0.1, True), (1.11, 0.0, False), (0.89, 0.0, False)]
    cases += [(1.0, 0.29, True), (1.0, 0.3, False)]
    for median, width, passes in cases:
        found = size_agreement(median + width * spread, np.ones(101))
        assert found is not None
        assert found.median_ratio == pytest.approx(median)
        assert found.scatter == pytest.approx(0.68 * width)
        assert found.passes is passes, found


def test_only_galaxies_whose_catalogue_gives_a_radius_are_compared() -> None:
    found = size_agreement([1.0, 5.0, 5.0, 5.0], [1.0, math.nan, math.inf, 0.0])
    assert found is not None
    assert (found.compared, found.median_ratio) == (1, 1.0)
    assert size_agreement([1.0, 2.0], [math.nan, math.nan]) is None
    assert size_agreement([], []) is None


@given(radius=st.floats(0.05, 0.4), fwhm=st.floats(0.05, 0.4))
def test_the_blurred_radius_of_a_gaussian_behind_a_gaussian_is_exact(radius: float, fwhm: float) -> None:
    both = galsim.Gaussian(sigma=math.hypot(galsim.Gaussian(half_light_radius=radius).sigma, galsim.Gaussian(fwhm=fwhm).sigma))
    assert blurred_radius_arcsec(radius, fwhm) == pytest.approx(both.half_light_radius, rel=1e-6)


def test_the_measured_radius_is_in_arcsec() -> None:
    template = make_template()
    assert measured_radius_arcsec(template.image, 0.03) == pytest.approx(0.03 * 3 * 1.17741, rel=0.02)
    assert measured_radius_arcsec(template.image, 0.06) == pytest.approx(2 * measured_radius_arcsec(template.image, 0.03))
