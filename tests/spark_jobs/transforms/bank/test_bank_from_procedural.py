"""Made-up galaxies are a function of seed and number, look like lensed sources, and share the bank's format."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from schemas.job_entry import InputError
from schemas.split_rule import split_of
from spark_jobs.transforms.bank.bank_file import template_split
from spark_jobs.transforms.bank.bank_from_procedural import MAGNITUDES, RADII_ARCSEC, REDSHIFTS, procedural_makers
from spark_jobs.transforms.bank.bank_template import Census, Template, keep_templates, size_agreement

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}


def galaxies(count: int, seed: int = 1, size: int = 64) -> list[Template]:
    return [make() for make in procedural_makers(count, seed, size)]


@pytest.fixture(scope="module")
def many() -> list[Template]:
    return galaxies(300, size=48)


def assert_same(one: Template, other: Template) -> None:
    np.testing.assert_array_equal(one.image, other.image)
    assert repr(one) == repr(other)


def test_the_k_th_galaxy_is_the_same_however_many_are_asked_and_in_whatever_order() -> None:
    few, more = galaxies(3), list(procedural_makers(40, 1, 64))
    for number in (2, 0, 1):
        assert_same(few[number], more[number]())


def test_seed_and_number_decide_the_galaxy() -> None:
    first, second = galaxies(2)
    (other,) = galaxies(1, seed=2)
    assert not np.array_equal(first.image, second.image)
    assert not np.array_equal(first.image, other.image)
    assert first.mag_f814w != other.mag_f814w
    assert (first.template_id, second.template_id) == ("procedural-0", "procedural-1")
    assert "seed 2 number 0" in other.provenance


def test_templates_are_of_unit_flux_without_noise_and_blurred_as_hubble_sees_them(many: list[Template]) -> None:
    for template in many:
        assert template.image.shape == (48, 48)
        assert template.image.dtype == np.float32
        assert template.image.sum(dtype=np.float64) == pytest.approx(1, abs=1e-5)
        assert template.image.min() >= 0
        assert (template.snr, template.psf_fwhm_arcsec) == (math.inf, 0.09)


def test_magnitudes_redshifts_sizes_and_colours_are_those_of_lensed_sources(many: list[Template]) -> None:
    for values, (low, high) in (
        ([template.mag_f814w for template in many], MAGNITUDES),
        ([template.redshift for template in many], REDSHIFTS),
        ([math.sqrt(template.half_light_catalogue_arcsec**2 - 0.045**2) for template in many], RADII_ARCSEC),
    ):
        assert low <= min(values) < max(values) <= high
    # Counts rise as 10^(0.25 m): (10^0.8 - 10^0.5) / (10^0.8 - 1) of the galaxies are fainter than 24.
    assert np.mean([template.mag_f814w > 24 for template in many]) == pytest.approx(0.593, abs=0.08)
    assert np.median([template.redshift for template in many]) == pytest.approx(1.5, abs=0.15)
    sizes = {side: [t.half_light_catalogue_arcsec for t in many if (t.mag_f814w < 24) == side] for side in (True, False)}
    assert np.median(sizes[True]) > np.median(sizes[False])
    assert np.mean([template.colour_gr for template in many]) == pytest.approx(0.3, abs=0.04)
    assert np.mean([template.colour_rz for template in many]) == pytest.approx(0.2, abs=0.06)


def test_the_measured_radius_is_the_disc_s_within_the_stated_tolerance(many: list[Template]) -> None:
    found = size_agreement(
        [template.half_light_radius_arcsec for template in many], [template.half_light_catalogue_arcsec for template in many]
    )
    assert found is not None
    assert found.compared == 300
    assert found.passes, found
    census = Census()
    makers = [lambda template=template: template for template in many]
    assert len(list(keep_templates(makers, census, min_snr=15, max_templates=None))) > 0.95 * len(many)


def test_knots_break_the_symmetry_of_the_disc(many: list[Template]) -> None:
    asymmetry = [float(np.abs(template.image - template.image[::-1, ::-1]).sum()) for template in many[:50]]
    assert np.median(asymmetry) > 0.1


def test_the_published_hash_spreads_the_galaxies_over_the_splits(many: list[Template]) -> None:
    splits = Counter(template_split(template.template_id, FRACTIONS) for template in many)
    assert splits == Counter(split_of(f"procedural-{number}", FRACTIONS) for number in range(300))
    assert all(splits[split] > 0.7 * 300 * fraction for split, fraction in FRACTIONS.items())


@pytest.mark.parametrize("count", [0, -3])
def test_fewer_than_one_galaxy_is_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"--procedural {count}; wanted 1 or more galaxies"):
        procedural_makers(count, 1, 64)
