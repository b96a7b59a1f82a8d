"""Parametric fits of the COSMOS sample become templates of their own row; absurd fits are counted, never a crash."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import galsim
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from schemas.job_entry import InputError
from spark_jobs.transforms.bank.bank_from_parametric import draw_template, parametric_makers
from spark_jobs.transforms.bank.bank_template import Census, Template, keep_templates, measured_radius_arcsec, size_agreement
from spark_jobs.transforms.bank.catalogue_rows import read_catalogue
from spark_jobs.transforms.bank.template_light import Rejection

NAME = "real_galaxy_catalog_23.5_example"
ROWS = 12


@pytest.fixture(scope="module")
def catalogue(shared_data: Path) -> Path:
    return shared_data / "cosmos_catalogue" / f"{NAME}.fits"


def first_rows(catalogue: Path, folder: Path, change: Callable[[Any], None] = lambda rows: None) -> Path:
    """The first rows of the catalogue and its companions, the fits changed."""
    for ending in ("", "_fits", "_selection"):
        with fits.open(catalogue.with_name(f"{NAME}{ending}.fits"), memmap=False) as hdus:
            rows = np.array(hdus[1].data[:ROWS])
        if ending == "_fits":
            change(rows)
        Table(rows).write(folder / f"{NAME}{ending}.fits")
    return folder / f"{NAME}.fits"


def bank_of(catalogue: Path, size: int = 64) -> tuple[list[Template], Census]:
    census = Census()
    makers = parametric_makers(catalogue, size)
    return list(keep_templates(makers, census, min_snr=15, max_templates=None)), census


def test_every_row_of_the_real_catalogue_is_kept_or_counted_as_rejected(catalogue: Path) -> None:
    templates, census = bank_of(catalogue)
    assert (census.seen, census.kept) == (100, 94)
    assert census.rejected == {Rejection.EXCLUDED: 4, Rejection.SIZE: 2}
    found = size_agreement(
        [template.half_light_radius_arcsec for template in templates],
        [template.half_light_catalogue_arcsec for template in templates],
    )
    assert found is not None
    assert found.passes, found
    columns = read_catalogue(catalogue)
    fitted = read_catalogue(catalogue.with_name(f"{NAME}_fits.fits"))
    row_of = {f"cosmos-{ident}": row for row, ident in enumerate(columns["ident"])}
    for template in templates:
        row = row_of[template.template_id]
        assert template.mag_f814w == pytest.approx(columns["mag"][row])
        assert template.redshift == pytest.approx(fitted["zphot"][row])
        assert template.image.sum(dtype=np.float64) == pytest.approx(1)
        assert template.image.min() >= 0
        assert (template.snr, template.psf_fwhm_arcsec) == (math.inf, 0.0)
        assert round(template.pixel_scale_arcsec / 0.03, 6).is_integer()
        assert str(columns["ident"][row]) in template.provenance


def test_a_template_is_drawn_from_the_fit_of_its_own_row_although_galsim_renumbers(catalogue: Path) -> None:
    cosmos = galsim.COSMOSCatalog(str(catalogue), use_real=False)
    assert len(cosmos.orig_index) < 100
    columns = read_catalogue(catalogue)
    templates = {template.template_id: template for template in bank_of(catalogue)[0]}
    for index in (len(cosmos.orig_index) - 1, len(cosmos.orig_index) // 2):
        template = templates[f"cosmos-{columns['ident'][cosmos.orig_index[index]]}"]
        profile = cosmos.makeGalaxy(index, gal_type="parametric").withFlux(1.0)
        scale = template.pixel_scale_arcsec
        drawn = profile.drawImage(nx=512, ny=512, scale=scale / 8, method="no_pixel", dtype=np.float64).array
        expected = drawn.reshape(64, 8, 64, 8).sum(axis=(1, 3))
        np.testing.assert_allclose(template.image, expected / expected.sum(), atol=1e-6)


@pytest.mark.parametrize("index", [0.6, 1.0, 2.5, 4.0])
def test_a_drawn_profile_keeps_its_flux_and_its_half_light_radius(index: float) -> None:
    image, scale = draw_template(galsim.Sersic(index, half_light_radius=0.25), 0.25, 128)
    assert scale == pytest.approx(0.06)
    assert image.sum() == pytest.approx(1, abs=0.002 if index < 2 else 0.09)
    tolerance = 0.02 if index < 2 else 0.13  # a steep profile's wings leave the square of 8 half-light radii
    assert measured_radius_arcsec(image.astype(np.float32), scale) == pytest.approx(0.25, rel=tolerance)


def test_a_drawn_profile_is_averaged_over_its_pixels() -> None:
    profile = galsim.Exponential(half_light_radius=0.2).shear(q=0.6, beta=30 * galsim.degrees)
    image, scale = draw_template(profile, 0.2, 128)
    exact = profile.drawImage(nx=128, ny=128, scale=scale, method="auto", dtype=np.float64).array
    np.testing.assert_allclose(image, exact, atol=1e-2 * exact.max())


def _single(column: str, place: int, value: float) -> Callable[[Any], None]:
    def change(rows: Any) -> None:
        rows["use_bulgefit"], rows["viable_sersic"] = 0, 1
        rows[column][: ROWS // 2, place] = value

    return change


def _double(column: str, place: int, value: float) -> Callable[[Any], None]:
    def change(rows: Any) -> None:
        rows["use_bulgefit"] = 1
        rows[column][: ROWS // 2, place] = value

    return change


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-6, 1e9, math.inf, math.nan])
@pytest.mark.parametrize(
    ("change", "column", "place"),
    [
        (_single, "hlr", 0),
        (_single, "flux", 0),
        (_single, "sersicfit", 1),
        (_single, "sersicfit", 2),
        (_single, "sersicfit", 3),
        (_double, "hlr", 1),
        (_double, "flux", 2),
        (_double, "bulgefit", 11),
    ],
)
def test_an_absurd_fit_is_counted_and_never_stops_the_bank(
    catalogue: Path, tmp_path: Path, change: Callable[..., Callable[[Any], None]], column: str, place: int, value: float
) -> None:
    templates, census = bank_of(first_rows(catalogue, tmp_path, change(column, place, value)), size=32)
    assert census.seen == ROWS == census.kept + census.rejected.total()
    for template in templates:
        assert template.image.sum(dtype=np.float64) == pytest.approx(1)
        assert 0.01 < template.half_light_radius_arcsec < 5
    if column == "sersicfit" and place == 1:
        assert census.rejected[Rejection.UNFIT] >= ROWS // 2 - 1


def test_a_catalogue_without_its_fits_or_its_selection_is_refused(catalogue: Path, tmp_path: Path) -> None:
    path = first_rows(catalogue, tmp_path)
    for name in ("selection", "fits"):
        (tmp_path / f"{NAME}_{name}.fits").unlink()
        with pytest.raises(
            InputError, match=rf"example_{name}\.fits is not there: parametric templates need fits and selection"
        ):
            parametric_makers(path, 64)


def test_a_selection_of_other_length_is_refused(catalogue: Path, tmp_path: Path) -> None:
    path = first_rows(catalogue, tmp_path)
    selection = tmp_path / f"{NAME}_selection.fits"
    shorter = Table.read(selection)[:5]
    shorter.write(selection, overwrite=True)
    with pytest.raises(InputError, match="GalSim cannot open"):
        parametric_makers(path, 64)


def test_a_companion_without_fits_is_refused(catalogue: Path, tmp_path: Path) -> None:
    path = first_rows(catalogue, tmp_path)
    fitted = Table.read(tmp_path / f"{NAME}_fits.fits")
    fitted.remove_columns(["sersicfit"])
    fitted.write(tmp_path / f"{NAME}_fits.fits", overwrite=True)
    with pytest.raises(InputError, match=r"example_fits\.fits lacks the columns SERSICFIT; wanted"):
        parametric_makers(path, 64)
