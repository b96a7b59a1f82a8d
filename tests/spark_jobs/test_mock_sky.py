"""The mock sky as a job: the survey's layout on disk, the same bytes for the same seed, resumed where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from schemas.job_entry import EXIT_BAD_INPUT, InputError, run_job
from schemas.run_record import RunError, read_run
from spark_jobs.mock_sky import main

pytestmark = pytest.mark.spark
ARGUMENTS = ["--bricks", "2", "--brick-size", "200", "--hosts-per-brick", "3", "--seed", "5"]


def _draw(out: Path, *more: str) -> dict[str, str]:
    """Draw a small sky; path to hash of every file."""
    assert main(["--out", str(out), *ARGUMENTS, *more]) == 0
    return {entry["path"]: entry["sha256"] for entry in read_run(out)["files"]}


@pytest.fixture(scope="module")
def sky(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mock") / "sky"
    _draw(out)
    return out


def test_the_folder_is_laid_out_as_the_survey_s(sky: Path) -> None:
    paths = [entry["path"] for entry in read_run(sky)["files"]]
    names = sorted({Path(path).parts[2] for path in paths if path.startswith("coadd/")})
    assert len(names) == 2
    for brick in names:
        folder = f"coadd/{brick[:3]}/{brick}/legacysurvey-{brick}"
        wanted = {f"{folder}-{kind}-{band}.fits.fz" for kind in ("image", "invvar", "psfsize") for band in "grz"}
        assert wanted | {f"{folder}-maskbits.fits.fz"} <= set(paths)
    assert "survey-bricks.fits.gz" in paths
    assert sum(path.startswith("sweep/sweep-") and path.endswith("-pz.fits") for path in paths) == 2
    assert all((sky / path).is_file() for path in paths)


def test_no_pixel_of_any_plane_is_not_a_number(sky: Path) -> None:
    planes = [path for path in sky.rglob("*.fits.fz") if "maskbits" not in path.name]
    assert len(planes) == 18
    assert all(np.isfinite(fits.getdata(path, 1)).all() for path in planes)


def test_the_record_counts_objects_and_catalogue_rows(sky: Path) -> None:
    record = read_run(sky)
    assert record["counts"]["hosts"] == 6
    assert record["counts"]["bricks"] == 2
    rows = {entry["path"]: entry["rows"] for entry in record["files"]}
    assert rows["survey-bricks.fits.gz"] == 2
    for path in (path for path in rows if path.startswith("sweep/")):
        assert len(fits.getdata(sky / path, 1)) == rows[path] > 0


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_pixels(sky: Path, tmp_path: Path) -> None:
    first = {entry["path"]: entry["sha256"] for entry in read_run(sky)["files"]}
    assert _draw(tmp_path / "again") == first
    other = _draw(tmp_path / "other", "--seed", "6")
    assert set(first) == set(other)
    alike = {path for path in first if first[path] == other[path]}
    assert not [path for path in alike if "maskbits" not in path and path != "survey-bricks.fits.gz"]


def test_a_brick_does_not_depend_on_its_neighbours_or_on_the_bands_drawn(sky: Path, tmp_path: Path) -> None:
    first = {entry["path"]: entry["sha256"] for entry in read_run(sky)["files"]}
    alone = _draw(tmp_path / "alone", "--bricks", "1", "--bands", "g")
    planes = {path for path in alone if "image-g" in path or "psfsize-g" in path}
    assert len(planes) == 2
    assert all(alone[path] == first[path] for path in planes)


def test_a_finished_sky_is_left_alone_and_the_job_says_so(sky: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (sky / "_run.json").stat().st_mtime_ns
    _draw(sky)
    assert "finished; nothing to do" in capsys.readouterr().out
    assert (sky / "_run.json").stat().st_mtime_ns == before


def test_an_unfinished_sky_is_finished_without_drawing_again_what_stands(
    sky: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sky"
    hashes = _draw(out)
    (out / "_run.json").unlink()
    lost = next(path for path in hashes if "image-r" in path)
    (out / lost).unlink()
    assert _draw(out) == hashes
    assert "2 bricks (1 stood already)" in capsys.readouterr().out


def test_a_directory_with_another_sky_is_refused(sky: Path) -> None:
    with pytest.raises(RunError, match="run_seed was 5 and is now 6"):
        main(["--out", str(sky), *ARGUMENTS, "--seed", "6"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--brick-size", "4000"], "wanted 100 to 3600 pixels"),
        (["--hosts-per-brick", "-1"], "wanted 0 or more"),
        (["--noise-correlation", "0.9"], "wanted 0 to 0.7"),
        (["--bands", "gi"], "wanted some of grz"),
        (["--bricks", "0"], "wanted 1 to"),
        (["--positions", "north"], "wanted 'ra,dec'"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        main(["--out", str(tmp_path / "sky"), *arguments])
    assert not (tmp_path / "sky").exists()


def test_a_settings_file_that_is_not_there_is_one_line_of_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--out", str(tmp_path / "sky"), "--settings", str(tmp_path / "none.yaml")]
    assert run_job("mock-sky", main, argv) == EXIT_BAD_INPUT
    assert "dhs mock-sky: error:" in capsys.readouterr().err


def test_correlated_noise_and_positions_are_recorded_in_the_run(tmp_path: Path) -> None:
    out = tmp_path / "sky"
    arguments = ["--positions", "150.1,2.2", "--brick-size", "200", "--noise-correlation", "0.4", "--bands", "g"]
    assert main(["--out", str(out), *arguments]) == 0
    started = json.loads((out / "_started.json").read_text())
    assert started["settings"]["bricks"] == ["1501p022"]
    assert started["settings"]["mock"]["noise_correlation"] == 0.4
    image = fits.getdata(next(out.rglob("*image-g*")), 1)
    invvar = fits.getdata(next(out.rglob("*invvar-g*")), 1)
    blank = np.abs(image) * np.sqrt(invvar) < 3
    pull = np.where(blank, image * np.sqrt(invvar), 0)
    assert np.sum(pull[:, 1:] * pull[:, :-1]) / np.sum(pull**2) == pytest.approx(0.4, abs=0.12)
