"""A foreign bank's images: light kept as it is, unit flux, what is unknown NaN, what is no light refused and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from schemas.job_entry import InputError
from spark_jobs.transforms.bank.bank_from_foreign import foreign_templates, open_foreign
from spark_jobs.transforms.bank.bank_template import Census
from tests.spark_jobs.small_foreign_bank import SCALE_ARCSEC, gaussian, write_foreign_bank


def test_images_become_unit_flux_templates_with_measured_radii(tmp_path: Path) -> None:
    sigmas = (2.0, 4.0, 6.0)
    bank = open_foreign(write_foreign_bank(tmp_path / "bank.h5", [5 * gaussian(sigma) for sigma in sigmas]))
    census = Census()
    found = list(foreign_templates(bank, census))
    assert (bank.images, bank.size_pix, bank.pixel_scale_arcsec) == (3, 96, SCALE_ARCSEC)
    assert [template.template_id for template in found] == ["adopted-000000", "adopted-000001", "adopted-000002"]
    for template, sigma in zip(found, sigmas, strict=True):
        assert template.image.sum(dtype=np.float64) == pytest.approx(1, abs=1e-5)
        assert template.half_light_radius_arcsec == pytest.approx(1.1774 * sigma * SCALE_ARCSEC, rel=0.02)
        np.testing.assert_allclose(template.image, gaussian(sigma) / gaussian(sigma).sum(), rtol=1e-5, atol=1e-12)
        unknown = (template.mag_f814w, template.redshift, template.snr, template.psf_fwhm_arcsec)
        assert np.isnan([*unknown, template.half_light_catalogue_arcsec, template.colour_gr]).all()
    assert (census.seen, census.kept, census.rejected) == (3, 3, {})


def test_what_is_no_light_is_refused_and_counted_by_its_reason(tmp_path: Path) -> None:
    spoilt = [gaussian(3.0) for _ in range(6)]
    spoilt[0][1, 1], spoilt[1][5, 5] = np.nan, np.inf
    spoilt[2][0, 0] = -1e-9
    spoilt[3][:] = 0
    census = Census()
    found = list(foreign_templates(open_foreign(write_foreign_bank(tmp_path / "bank.h5", spoilt)), census))
    assert [template.template_id for template in found] == ["adopted-000004", "adopted-000005"]
    assert census.text() == (
        "2 templates of 6 galaxies; rejected: 1 pixels negative, 2 pixels not finite, 1 total flux not positive"
    )


def test_the_scale_may_stand_beside_the_images_or_on_the_file(tmp_path: Path) -> None:
    path = write_foreign_bank(tmp_path / "bank.h5", [gaussian(3.0)])
    with h5py.File(path, "r+") as file:
        del file.attrs["src_pixscale_arcsec"]
        file["images"].attrs["src_pixscale_arcsec"] = 0.05
    assert open_foreign(path).pixel_scale_arcsec == 0.05


@pytest.mark.parametrize("scale", [None, 0.0, -0.03, 30.0, np.nan, "fine"])
def test_a_pixel_scale_that_is_none_is_told(tmp_path: Path, scale: Any) -> None:
    path = write_foreign_bank(tmp_path / "bank.h5", [gaussian(3.0)], scale)
    with pytest.raises(InputError, match=rf"src_pixscale_arcsec is {scale}; wanted arcsec of a pixel, 0.001 to 1.0"):
        open_foreign(path)


@pytest.mark.parametrize("shape", [(4, 96), (2, 96, 95), (2, 4, 4)])
def test_images_of_another_shape_are_told(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "bank.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=np.ones(shape))
        file.attrs["src_pixscale_arcsec"] = 0.03
    with pytest.raises(InputError, match=r"images is of shape \(.*\); wanted \(n, side, side\) of numbers, sides 8 to 1024"):
        open_foreign(path)


def test_files_that_are_no_such_bank_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"bank .*nowhere\.h5 is not there"):
        open_foreign(tmp_path / "nowhere.h5")
    (tmp_path / "text.h5").write_text("no bank")
    with pytest.raises(InputError, match=r"text\.h5 is damaged, truncated or not an HDF5 file"):
        open_foreign(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.create_dataset("stamps", data=np.ones((2, 96, 96)))
    with pytest.raises(InputError, match=r"other\.h5 holds stamps; wanted a dataset images"):
        open_foreign(tmp_path / "other.h5")
    whole = write_foreign_bank(tmp_path / "cut.h5", [gaussian(3.0)] * 4)
    whole.write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"cut\.h5 is damaged, truncated or not an HDF5 file"):
        open_foreign(whole)


def test_an_even_square_has_the_radius_of_an_even_square(tmp_path: Path) -> None:
    bank = open_foreign(write_foreign_bank(tmp_path / "bank.h5", [gaussian(3.0)]))
    assert bank.even_square_radius_arcsec == pytest.approx(96 * SCALE_ARCSEC / np.sqrt(2 * np.pi), rel=0.01)
