"""Real and drawn stamps become templates with the catalogue's numbers; damaged rows are counted, never a crash."""

from __future__ import annotations

import gzip
import math
import warnings
from pathlib import Path
from typing import Any

import galsim
import numpy as np
import pytest
from astropy.io import fits

from schemas.job_entry import InputError
from spark_jobs.transforms.bank.bank_from_real_galaxies import ACS_PSF_FWHM_ARCSEC, real_galaxy_makers, sersic_radius_arcsec
from spark_jobs.transforms.bank.bank_template import Census, Template, keep_templates, size_agreement
from spark_jobs.transforms.bank.catalogue_rows import read_catalogue
from spark_jobs.transforms.bank.template_light import Rejection
from tests.spark_jobs.small_galaxies import SCALE_ARCSEC, Image, noisy_galaxy, write_catalogue


def bank_of(catalogue: Path, image_dir: Path | None = None, size: int = 96) -> tuple[list[Template], Census]:
    census = Census()
    makers = real_galaxy_makers(catalogue, image_dir, size)
    return list(keep_templates(makers, census, min_snr=15, max_templates=None)), census


def stamps(number: int, **values: Any) -> list[Image]:
    return [noisy_galaxy(seed, **{"half_light": 0.2, "side": 121, **values}).stamp for seed in range(number)]


def assert_unit_flux(templates: list[Template]) -> None:
    assert [float(template.image.sum(dtype=np.float64)) for template in templates] == pytest.approx([1.0] * len(templates))


def test_the_five_real_aegis_galaxies_are_kept(shared_data: Path) -> None:
    catalogue = shared_data / "aegis_hst" / "AEGIS_F814w_catalog.fits"
    templates, census = bank_of(catalogue, size=128)
    assert (census.seen, census.kept, census.rejected.total()) == (5, 5, 0)
    assert_unit_flux(templates)
    row = {f"aegis-{ident}": mag for ident, mag in zip(*(read_catalogue(catalogue)[n] for n in ("ident", "mag")), strict=True)}
    assert {template.template_id: template.mag_f814w for template in templates} == pytest.approx(row)
    for template in templates:
        assert template.pixel_scale_arcsec == pytest.approx(0.03)
        assert 0.12 < template.psf_fwhm_arcsec < 0.16  # twice the half-light radius of the real PSF, wings included
        assert 0.1 < template.half_light_radius_arcsec < 0.4
        assert math.isnan(template.redshift)
        assert math.isnan(template.half_light_catalogue_arcsec)


def test_96_of_the_100_real_cosmos_galaxies_are_kept_and_have_the_catalogue_s_sizes(shared_data: Path) -> None:
    templates, census = bank_of(shared_data / "hst_cosmos_f814w" / "real_galaxy_catalog_26_extension_example.fits.gz", size=128)
    assert (census.seen, census.kept) == (100, 96)
    assert census.rejected == {Rejection.SIZE: 3, Rejection.FAINT: 1}
    assert_unit_flux(templates)
    found = size_agreement(
        [template.half_light_radius_arcsec for template in templates],
        [template.half_light_catalogue_arcsec for template in templates],
    )
    assert found is not None
    assert found.compared == 96
    assert found.passes, found
    assert all(template.snr >= 15 and 20 < template.mag_f814w < 26.1 for template in templates)
    assert sorted({template.pixel_scale_arcsec for template in templates}) == pytest.approx([0.03, 0.06])
    assert np.median([template.redshift for template in templates]) == pytest.approx(0.9, abs=0.3)
    assert sum(math.isfinite(template.colour_gr) and math.isfinite(template.colour_rz) for template in templates) > 90
    assert {template.psf_fwhm_arcsec for template in templates} == {ACS_PSF_FWHM_ARCSEC}


def test_a_drawn_galaxy_carries_the_catalogue_s_numbers_and_its_true_size(tmp_path: Path) -> None:
    galaxies = [noisy_galaxy(seed, half_light=0.2, side=121) for seed in range(6)]
    fitted = {
        "flux_radius": [galaxy.radius_arcsec / SCALE_ARCSEC for galaxy in galaxies],
        "ZPHOT": [1.5, -99.0, math.nan, 0.0, 2.0, 0.7],
        "HSC_g": [24.5, 24.5, 99.0, 24.5, -99.0, 24.5],
        "HSC_r": [24.2] * 6,
        "HSC_z": [24.0] * 6,
    }
    mags = np.linspace(22, 25, 6)
    templates, census = bank_of(write_catalogue(tmp_path, [g.stamp for g in galaxies], fitted=fitted, MAG=mags))
    assert census.text() == "6 templates of 6 galaxies; rejected: none"
    assert [template.template_id for template in templates] == [f"cosmos-{ident}" for ident in range(100, 106)]
    assert [template.mag_f814w for template in templates] == mags.tolist()
    assert [template.redshift for template in templates] == pytest.approx([1.5, *[math.nan] * 3, 2.0, 0.7], nan_ok=True)
    reds = [0.3, 0.3, math.nan, 0.3, math.nan, 0.3]
    assert [template.colour_gr for template in templates] == pytest.approx(reds, nan_ok=True)
    assert [template.colour_rz for template in templates] == pytest.approx([0.2] * 6)
    found = size_agreement([template.half_light_radius_arcsec for template in templates], [galaxies[0].radius_arcsec] * 6)
    assert found is not None
    assert found.passes, found
    assert templates[0].provenance == "galaxies.fits IDENT 100: segmented stamp, not deconvolved, binned 1x1"


def test_the_catalogue_s_radius_is_flux_radius_or_the_blurred_fit_or_not_known(tmp_path: Path) -> None:
    fit = [1.0, 8.0, 1.0, 0.49, 0, 0, 0, 0]
    assert sersic_radius_arcsec(np.array(fit), 0.03) == pytest.approx(8 * 0.7 * 0.03)
    blurred = math.hypot(8 * 0.7 * 0.03, ACS_PSF_FWHM_ARCSEC / 2)
    cases: list[tuple[dict[str, Any] | None, float]] = [
        ({"flux_radius": [6.0], "sersicfit": [fit]}, 0.18),
        ({"flux_radius": [-1.0], "sersicfit": [fit]}, blurred),
        ({"flux_radius": [math.nan], "sersicfit": [[1.0, -5.0, 1.0, 0.5, 0, 0, 0, 0]]}, math.nan),
        (None, math.nan),
    ]
    for number, (fitted, radius) in enumerate(cases):
        (template,), _ = bank_of(write_catalogue(tmp_path / str(number), stamps(1), fitted=fitted))
        assert template.half_light_catalogue_arcsec == pytest.approx(radius, nan_ok=True)


def test_the_psf_s_width_is_measured_where_its_image_is_there(tmp_path: Path) -> None:
    psf = galsim.Gaussian(fwhm=0.13).drawImage(nx=61, ny=61, scale=SCALE_ARCSEC, method="no_pixel", dtype=np.float64).array
    names: dict[str, Any] = {"PSF_FILENAME": ["psf.fits"] * 3, "PSF_HDU": [0, 1, 7]}
    catalogue = write_catalogue(tmp_path, stamps(3), **names)
    assert [template.psf_fwhm_arcsec for template in bank_of(catalogue)[0]] == [ACS_PSF_FWHM_ARCSEC] * 3
    fits.HDUList([fits.PrimaryHDU(psf), fits.ImageHDU(-psf)]).writeto(tmp_path / "psf.fits")
    widths = [template.psf_fwhm_arcsec for template in bank_of(catalogue)[0]]
    assert widths == pytest.approx([0.13, ACS_PSF_FWHM_ARCSEC, ACS_PSF_FWHM_ARCSEC], rel=0.05)


def test_a_galaxy_too_large_for_its_template_gets_coarser_pixels_and_keeps_its_size(tmp_path: Path) -> None:
    catalogue = write_catalogue(tmp_path, stamps(1, half_light=0.4, side=201, snr=150))
    (fine,), _ = bank_of(catalogue, size=192)
    (coarse,), _ = bank_of(catalogue, size=64)
    assert (fine.pixel_scale_arcsec, coarse.pixel_scale_arcsec) == pytest.approx((0.03, 0.06))
    assert coarse.half_light_radius_arcsec == pytest.approx(fine.half_light_radius_arcsec, rel=0.03)
    assert coarse.provenance.endswith("binned 2x2")
    assert_unit_flux([fine, coarse])


def test_every_bad_row_is_counted_with_its_reason_and_the_good_ones_are_kept(tmp_path: Path) -> None:
    good = stamps(1)[0]
    spoilt = good.copy()
    spoilt[3, 3] = math.nan
    images = [good, -good, spoilt, np.zeros((121, 121)), good[0], None, np.stack([good, good]), good[:4, :4], good, good, good]
    number = len(images)
    scale, mag, radius = np.full(number, SCALE_ARCSEC), np.full(number, 24.0), np.full(number, math.nan)
    scale[8], mag[9], radius[10] = -0.03, math.nan, 1e9
    hdu = np.arange(number) + 1
    hdu[7] = -1
    columns = {"GAL_HDU": hdu, "PIXEL_SCALE": scale, "MAG": mag}
    templates, census = bank_of(write_catalogue(tmp_path, images, fitted={"flux_radius": radius}, **columns))
    assert [template.template_id for template in templates] == ["cosmos-100"]
    assert census.seen == number == census.kept + census.rejected.total()
    assert census.rejected == {
        Rejection.NO_LIGHT: 1,
        Rejection.FAINT: 1,
        Rejection.NOT_FINITE: 1,
        Rejection.UNREADABLE: 4,
        Rejection.ROW: 2,
        Rejection.SIZE: 1,
    }


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-300, 1e300, math.inf, math.nan])
@pytest.mark.parametrize("column", ["NOISE_VARIANCE", "NOISE_MEAN", "PIXEL_SCALE", "MAG", "flux_radius", "zphot"])
def test_absurd_numbers_in_a_row_never_stop_the_bank(tmp_path: Path, column: str, value: float) -> None:
    values: dict[str, Any] = {
        column: [value, {"NOISE_VARIANCE": math.nan, "NOISE_MEAN": 0.0, "PIXEL_SCALE": 0.03}.get(column, 5)]
    }
    fitted = values if column.islower() else {"zphot": [1.0, 1.0]}
    catalogue = write_catalogue(tmp_path, stamps(2), fitted=fitted, **({} if column.islower() else values))
    templates, census = bank_of(catalogue)
    assert census.seen == 2 == census.kept + census.rejected.total()
    assert "cosmos-101" in [template.template_id for template in templates]
    for template in templates:
        assert 0 < template.half_light_radius_arcsec < 2
        assert 0 < template.mag_f814w < 40
        assert math.isnan(template.redshift) or 0 < template.redshift < 20


@pytest.mark.parametrize("packed", [False, True])
def test_stamps_behind_the_end_of_a_truncated_file_are_rejected_and_those_before_kept(tmp_path: Path, packed: bool) -> None:
    catalogue = write_catalogue(tmp_path, stamps(4))
    path = tmp_path / "stamps.fits"
    content = path.read_bytes()
    if packed:
        path.unlink()
        path, content = tmp_path / "stamps.fits.gz", gzip.compress(content)
    path.write_bytes(content[: int(0.6 * len(content))])
    warnings.simplefilter("ignore")  # astropy only warns of an image that ends early; that must be enough
    templates, census = bank_of(catalogue)
    assert [template.template_id for template in templates] == ["cosmos-100", "cosmos-101"]
    assert census.rejected == {Rejection.UNREADABLE: 2}


def test_images_that_are_not_there_are_named_and_another_folder_can_be_given(tmp_path: Path) -> None:
    catalogue = write_catalogue(tmp_path, stamps(1))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "stamps.fits.gz").write_bytes(gzip.compress((tmp_path / "stamps.fits").read_bytes()))
    (tmp_path / "stamps.fits").unlink()
    with pytest.raises(InputError, match=r"galaxies\.fits names images that are not in .*: stamps\.fits; give --image-dir"):
        real_galaxy_makers(catalogue, None, 96)
    assert len(bank_of(catalogue, elsewhere)[0]) == 1


def test_a_catalogue_that_lacks_a_column_or_is_of_another_band_is_refused(tmp_path: Path, shared_data: Path) -> None:
    with pytest.raises(InputError, match=r"galaxies\.fits lacks the columns PIXEL_SCALE, NOISE_MEAN; wanted"):
        real_galaxy_makers(write_catalogue(tmp_path, stamps(1), PIXEL_SCALE=None, NOISE_MEAN=None), None, 96)
    with pytest.raises(InputError, match=r"holds magnitudes in F606W; wanted F814W"):
        real_galaxy_makers(shared_data / "aegis_hst" / "AEGIS_F606w_catalog.fits", None, 96)
