"""A mock brick's files against those of a real brick: names, units, projection, compression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from spark_jobs.transforms.mock.brick_fits_writer import brick_file, brick_wcs, write_masks, write_plane
from spark_jobs.transforms.mock.brick_tiling import Brick, brick_at

REAL = "legacy_dr6_brick_0959p805"
BRICK = brick_at(150.0, 2.0)
_COMPRESSION = ("ZIMAGE", "ZBITPIX", "ZNAXIS", "ZTILE1", "ZTILE2", "ZQUANTIZ", "ZNAME1", "ZVAL1", "ZNAME2", "ZVAL2")
_SKY = ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "EQUINOX")
_PRODUCT = ("BRICKNAM", "BRICKID", "FILTER", "IMTYPE", "PRODTYPE", "BUNIT", "RAMIN", "RAMAX", "DECMIN", "DECMAX")


def _raw_header(path: Path) -> tuple[list[str], fits.Header]:
    with fits.open(path, disable_image_compression=True) as hdus:
        return [type(hdu).__name__ for hdu in hdus], hdus[1].header


def _write(root: Path, plane: np.ndarray, kind: str, band: str = "g", brick: Brick = BRICK) -> Path:
    path = brick_file(root, brick.name, kind, band)
    write_plane(path, plane, brick, kind, band)
    return path


@pytest.mark.parametrize("kind", ["image", "invvar"])
def test_layout_projection_and_compression_are_those_of_the_real_brick(shared_data: Path, tmp_path: Path, kind: str) -> None:
    brick = brick_at(95.95, 80.5)
    noise = np.random.default_rng(1).normal(0, 1, (3600, 3600)).astype(np.float32)
    noise[:200] = 0
    drawn = _write(tmp_path, noise * 0.004 if kind == "image" else np.abs(noise) * 100, kind, brick=brick)
    real = shared_data / REAL / f"legacysurvey-0959p805-{kind}-g.fits.fz"
    assert drawn.name == real.name
    (units, header), (real_units, real_header) = _raw_header(drawn), _raw_header(real)
    assert units == real_units
    for name in (*_COMPRESSION, *_PRODUCT, *_SKY, "ZNAXIS1", "ZNAXIS2"):
        real_value = real_header[name]
        assert header[name] == (real_value if isinstance(real_value, str) else pytest.approx(real_value, rel=1e-12)), name
    assert header["ZCMPTYPE"].startswith("RICE")


def test_images_are_stored_in_the_survey_s_step_with_zeros_kept(shared_data: Path, tmp_path: Path) -> None:
    plane = np.random.default_rng(1).normal(0, 0.004, (300, 300)).astype(np.float32)
    plane[:100, :50] = 0
    path = _write(tmp_path, plane, "image")
    with fits.open(path, disable_image_compression=True) as hdus:
        assert np.allclose(hdus[1].data["ZSCALE"], 1e-4, rtol=1e-6)
    with fits.open(shared_data / REAL / "legacysurvey-0959p805-image-g.fits.fz", disable_image_compression=True) as hdus:
        assert np.allclose(hdus[1].data["ZSCALE"], 1e-4, rtol=1e-6)
    read = fits.getdata(path, 1)
    assert np.abs(read - plane).max() <= 1e-4
    assert (read[:100, :50] == 0).all()
    assert (read - plane).std() == pytest.approx(1e-4 / np.sqrt(12), rel=0.05)


def test_psf_sizes_and_masks_are_stored_without_loss(tmp_path: Path) -> None:
    widths = np.linspace(1.1, 1.4, 300 * 300, dtype=np.float32).reshape(300, 300)
    assert np.array_equal(fits.getdata(_write(tmp_path, widths, "psfsize"), 1), widths)
    masks = (np.arange(300 * 300).reshape(300, 300) % 4096).astype(np.int32)
    path = brick_file(tmp_path, BRICK.name, "maskbits")
    write_masks(path, masks, BRICK)
    with fits.open(path) as hdus:
        assert np.array_equal(hdus[1].data, masks)
        assert [hdu.name for hdu in hdus[1:]] == ["MASKBITS", "WISEM1", "WISEM2"]


def test_the_projection_is_centred_on_the_brick_with_x_to_the_west_and_y_to_the_north(tmp_path: Path) -> None:
    path = _write(tmp_path, np.ones((300, 300), np.float32), "image")
    wcs = WCS(fits.getheader(path, 1))
    assert wcs.pixel_to_world_values(149.5, 149.5) == pytest.approx((BRICK.ra, BRICK.dec))
    assert wcs.pixel_to_world_values(200, 149.5)[0] < BRICK.ra
    assert wcs.pixel_to_world_values(149.5, 200)[1] > BRICK.dec
    assert wcs.wcs_world2pix([[BRICK.ra, BRICK.dec]], 0)[0] == pytest.approx([149.5, 149.5])
    assert brick_wcs(BRICK, 300).wcs.compare(wcs.wcs, tolerance=1e-12)


def test_the_same_plane_gives_the_same_bytes_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    plane = np.random.default_rng(1).normal(0, 0.004, (200, 200)).astype(np.float32)
    for kind in ("image", "invvar", "psfsize"):
        one, two = _write(tmp_path / "a", plane, kind), _write(tmp_path / "b", plane, kind)
        assert one.read_bytes() == two.read_bytes()
        assert not [path for path in one.parent.iterdir() if path.name.startswith(".")]


def test_an_interrupted_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fails)
    with pytest.raises(OSError, match="disk full"):
        _write(tmp_path, np.ones((100, 100), np.float32), "image")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
