"""One plane of a brick: tiles and whole plane give the same pixels, and damage is an error of one kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from spark_jobs.transforms.survey.brick_files import find_plane, has_any_image
from spark_jobs.transforms.survey.brick_plane import FrameError, PlaneError, frame_of, open_plane
from tests.spark_jobs.small_brick import BRICK, DEC, RA, brick_header, noise_planes, plane_path, sky_of, write_brick


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_brick(tmp_path_factory.mktemp("brick"), {"image-g": noise_planes("g")["image-g"]})
    return plane_path(root, "image-g")


def test_tiles_and_the_whole_plane_give_the_same_pixels(image: Path) -> None:
    corners = np.array([[0, 0], [95, 95], [296, 296], [100, 200], [17, 231]])
    with open_plane(image) as plane:
        tiles = plane.stamps(corners, 64, whole=False)
    with open_plane(image) as plane:
        whole = plane.stamps(corners, 64, whole=True)
    assert tiles.shape == (5, 64, 64)
    np.testing.assert_array_equal(tiles, whole)


def test_tiles_and_the_whole_plane_of_the_real_brick_give_the_same_pixels(shared_data: Path) -> None:
    path = shared_data / "legacy_dr6_brick_0959p805" / "legacysurvey-0959p805-image-g.fits.fz"
    corners = np.random.default_rng(1).integers(0, 3600 - 64, (40, 2))
    with open_plane(path) as plane:
        tiles = plane.stamps(corners, 64, whole=False)
        assert frame_of(plane).shape == (3600, 3600)
    with open_plane(path) as plane:
        whole = plane.stamps(corners, 64, whole=True)
    np.testing.assert_array_equal(tiles, whole)
    assert np.abs(tiles.astype(float)).sum() > 0


def test_rows_are_north_and_columns_west(image: Path) -> None:
    with open_plane(image) as plane:
        frame = frame_of(plane)
    (centre,) = frame.pixels_of(np.array([RA]), np.array([DEC]))
    np.testing.assert_allclose(centre, [179.5, 179.5], atol=1e-6)
    (north,) = frame.pixels_of(np.array([RA]), np.array([DEC + 0.262 / 3600]))
    np.testing.assert_allclose(north - centre, [1, 0], atol=1e-4)
    (east,) = frame.pixels_of(np.array([RA + 0.262 / 3600 / np.cos(np.radians(DEC))]), np.array([DEC]))
    np.testing.assert_allclose(east - centre, [0, -1], atol=1e-4)


def test_a_position_on_the_other_side_of_the_sky_is_on_no_pixel(image: Path) -> None:
    with open_plane(image) as plane:
        far = frame_of(plane).pixels_of(np.array([RA + 180, RA, np.nan]), np.array([-DEC, DEC, 0.0]))
    assert not np.isfinite(far[[0, 2]]).any()
    assert np.isfinite(far[1]).all()


@pytest.mark.parametrize("kept", [0.99, 0.7, 0.3, 0.02, 0.0])
def test_a_truncated_plane_is_an_error_even_where_the_wanted_tile_is_whole(image: Path, tmp_path: Path, kept: float) -> None:
    content = image.read_bytes()
    cut = tmp_path / "cut.fits.fz"
    cut.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(PlaneError, match=r"cut\.fits\.fz cannot be read"), open_plane(cut) as plane:
        plane.stamps(np.array([[0, 0]]), 16, whole=False)


def test_damaged_tiles_are_an_error(image: Path, tmp_path: Path) -> None:
    content = bytearray(image.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 5000] = b"\xff" * 5000
    damaged = tmp_path / "damaged.fits.fz"
    damaged.write_bytes(bytes(content))
    with pytest.raises(PlaneError, match="damaged"), open_plane(damaged) as plane:
        plane.stamps(np.array([[0, 0]]), 64, whole=True)


def test_a_file_without_an_image_of_two_axes_is_an_error(tmp_path: Path) -> None:
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((2, 3, 4)))]).writeto(tmp_path / "cube.fits.fz")
    fits.HDUList([fits.PrimaryHDU()]).writeto(tmp_path / "empty.fits.fz")
    for name, told in (("cube", r"shape \(2, 3, 4\); wanted an image of two axes"), ("empty", "cannot be read")):
        with pytest.raises(PlaneError, match=told), open_plane(tmp_path / f"{name}.fits.fz"):
            pass


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN"}, "SIN"),
        ({"CD1_1": 0.262 / 3600}, "wanted TAN, north up"),
        ({"CD1_1": -0.396 / 3600, "CD2_2": 0.396 / 3600}, "0.396"),
        ({"CD1_2": 1e-6, "CD2_1": 1e-6}, "wanted TAN, north up"),
    ],
)
def test_another_projection_scale_or_direction_is_an_error(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    header = brick_header()
    header.update(changes)
    root = write_brick(tmp_path, {"image-g": np.zeros((360, 360), np.float32)}, header)
    with pytest.raises(FrameError, match=told), open_plane(plane_path(root, "image-g")) as plane:
        frame_of(plane)


def test_frames_agree_only_where_a_pixel_is_the_same_place(tmp_path: Path) -> None:
    pixels = np.zeros((360, 360), np.float32)
    frames = []
    for number, ra in enumerate((RA, RA + 0.001 * 0.262 / 3600, RA + 0.262 / 3600)):
        root = write_brick(tmp_path / str(number), {"image-g": pixels}, brick_header(ra=ra))
        with open_plane(plane_path(root, "image-g")) as plane:
            frames.append(frame_of(plane))
    assert frames[0].agrees_with(frames[1])
    assert not frames[0].agrees_with(frames[2])


def test_a_plane_is_found_in_the_coadd_tree_beside_it_and_in_a_flat_folder(tmp_path: Path) -> None:
    path = plane_path(write_brick(tmp_path, {"image-g": np.zeros((100, 100), np.float32)}), "image-g")
    for root in (tmp_path, tmp_path / "coadd", path.parent):
        assert find_plane(root, BRICK, "image", "g") == path
    assert find_plane(tmp_path, BRICK, "image", "r") is None
    assert has_any_image(tmp_path, BRICK)
    assert not has_any_image(tmp_path, "0591m306")


def test_a_name_that_is_not_a_bricks_leads_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "legacysurvey-..-maskbits.fits.fz"
    secret.write_bytes(b"")
    assert find_plane(tmp_path, "..", "maskbits") is None
    assert find_plane(tmp_path, f"../{BRICK}", "image", "g") is None


def test_the_sky_position_of_a_pixel_and_back(image: Path) -> None:
    with open_plane(image) as plane:
        frame = frame_of(plane)
    ra, dec = sky_of(40.3, 300.7)
    np.testing.assert_allclose(frame.pixels_of(np.array([ra]), np.array([dec])), [[300.7, 40.3]], atol=1e-6)
