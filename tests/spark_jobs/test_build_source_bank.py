"""The job source-bank: real and made-up galaxies, damaged catalogues, banks that stand already."""

from __future__ import annotations

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_BREACH, InputError, run_job
from schemas.locations import location
from spark_jobs.build_source_bank import JOB, main
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import SourceBank, open_bank
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.small_galaxies import SCALE_ARCSEC, noisy_galaxy, write_catalogue

PROCEDURAL = ["--procedural", "4", "--size", "32"]
COSMOS = "cosmos_catalogue/real_galaxy_catalog_23.5_example.fits"
EXTENSION = "hst_cosmos_f814w/real_galaxy_catalog_26_extension_example.fits.gz"


def counts_of(bank: SourceBank) -> tuple[int, int, int]:
    counts = json.loads(bank.attributes["counts"])
    assert counts["kept"] == len(bank)
    return counts["seen"], counts["kept"], sum(counts["rejected"].values())


@pytest.mark.parametrize(
    ("option", "catalogue", "rows", "agreement"),
    [
        ("--real-galaxies", "aegis_hst/AEGIS_F814w_catalog.fits", 5, "the catalogue gives no half-light radii to compare with"),
        ("--real-galaxies", EXTENSION, 100, r"half-light radius over catalogue's 0\.9\d\d \+- 0\.0\d\d \(96 compared\);"),
        ("--cosmos-parametric", COSMOS, 100, r"half-light radius over catalogue's 1\.0\d\d \+- 0\.1\d\d \(94 compared\);"),
    ],
)
def test_real_data_give_a_bank_and_every_row_is_kept_or_counted(
    shared_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    catalogue: str,
    rows: int,
    agreement: str,
) -> None:
    out = tmp_path / "bank.h5"
    assert main(["--out", str(out), option, str(shared_data / catalogue), "--size", "64"]) == 0
    bank = open_bank(out)
    seen, kept, rejected = counts_of(bank)
    assert seen == rows == kept + rejected
    np.testing.assert_allclose(bank.images(range(kept)).sum(axis=(1, 2), dtype=np.float64), 1, atol=1e-5)
    told = capsys.readouterr().out
    assert f"{kept} templates of {rows} galaxies; rejected: " in told
    assert re.search(agreement, told)
    assert "OUT OF TOLERANCE" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["bank.h5"]


def test_made_up_galaxies_need_no_catalogue_and_two_runs_give_the_same_bank(tmp_path: Path) -> None:
    one, two, more = (tmp_path / f"{name}.h5" for name in ("one", "two", "more"))
    for path in (one, two):
        assert main(["--out", str(path), *PROCEDURAL]) == 0
    assert main(["--out", str(more), "--procedural", "7", "--size", "32"]) == 0
    with h5py.File(one) as first, h5py.File(two) as second, h5py.File(more) as longer:
        assert set(first) == set(second)
        for name in first:
            np.testing.assert_array_equal(first[name][:], second[name][:])
            np.testing.assert_array_equal(first[name][:], longer[name][:4])
    assert json.loads(open_bank(one).attributes["settings"])["seed"] == 1


def test_a_bank_that_stands_already_is_left_as_it_is_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bank.h5"
    main(["--out", str(out), *PROCEDURAL])
    before, written = out.read_bytes(), out.stat().st_mtime_ns
    capsys.readouterr()
    assert main(["--out", str(out), *PROCEDURAL]) == 0
    assert "bank.h5 holds this bank already: 4 templates; nothing to do" in capsys.readouterr().out
    assert (out.read_bytes(), out.stat().st_mtime_ns) == (before, written)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (["--seed", "2"], "seed was 1 and is now 2"),
        (["--size", "48"], "size was 32 and is now 48"),
        (["--min-snr", "20"], r"min_snr was 15\.0 and is now 20\.0"),
        (["--max-templates", "2"], "max_templates was None and is now 2"),
        (["--procedural", "5"], "procedural was 4 and is now 5"),
    ],
)
def test_another_bank_under_the_same_name_is_refused_with_what_differs(tmp_path: Path, change: list[str], text: str) -> None:
    out = tmp_path / "bank.h5"
    main(["--out", str(out), *PROCEDURAL])
    before = out.read_bytes()
    with pytest.raises(InputError, match=rf"bank\.h5 holds another bank: {text}\. Choose another file, or remove this one"):
        main(["--out", str(out), *PROCEDURAL, *change])
    assert out.read_bytes() == before


def test_a_bank_of_other_code_is_not_taken_for_this_one(tmp_path: Path) -> None:
    out = tmp_path / "bank.h5"
    main(["--out", str(out), *PROCEDURAL])
    with h5py.File(out, "r+") as file:
        file.attrs["code_version"] = "older"
    with pytest.raises(InputError, match="holds another bank: code_version was 'older' and is now "):
        main(["--out", str(out), *PROCEDURAL])


def test_a_file_that_is_no_bank_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "bank.h5").write_text("a letter")
    with pytest.raises(InputError, match=r"bank\.h5 is damaged, truncated or not an HDF5 file"):
        main(["--out", str(tmp_path / "bank.h5"), *PROCEDURAL])
    assert (tmp_path / "bank.h5").read_text() == "a letter"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--size", "31"], "--size 31; wanted 32 to 512 pixels"),
        (["--size", "513"], "--size 513; wanted 32 to 512 pixels"),
        (["--max-templates", "0"], "--max-templates 0; wanted 1 or more"),
        (["--image-dir", "there"], "--image-dir goes with --real-galaxies only"),
        (["--procedural", "0"], "--procedural 0; wanted 1 or more galaxies"),
        (["--real-galaxies", "absent.fits"], r"catalogue absent\.fits is not there"),
        (["--cosmos-parametric", "absent.fits"], r"catalogue absent\.fits is not there"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    assert run_job(JOB, main, ["--out", str(tmp_path / "bank.h5"), *arguments]) == 2
    told = capsys.readouterr().err
    assert re.fullmatch(rf"dhs source-bank: error: .*{text}.*\n", told)
    assert list(tmp_path.iterdir()) == []


def test_two_sources_at_once_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--out", str(tmp_path / "bank.h5"), "--procedural", "3", "--real-galaxies", "c.fits"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory; wanted the name of an HDF5 file"):
        main(["--out", str(tmp_path), *PROCEDURAL])


def test_the_example_catalogue_without_its_images_is_refused_with_their_name(shared_data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"names images that are not in .*cosmos_catalogue: real_galaxy_images\.fits"):
        main(["--out", str(tmp_path / "bank.h5"), "--real-galaxies", str(shared_data / COSMOS)])
    assert list(tmp_path.iterdir()) == []


def test_an_empty_catalogue_is_refused(tmp_path: Path) -> None:
    catalogue = write_catalogue(tmp_path / "catalogue", [])
    with pytest.raises(InputError, match=r"galaxies\.fits holds no table with rows"):
        main(["--out", str(tmp_path / "bank.h5"), "--real-galaxies", str(catalogue)])


def test_a_catalogue_of_which_nothing_is_left_says_why_and_writes_nothing(tmp_path: Path) -> None:
    catalogue = write_catalogue(tmp_path / "catalogue", [-noisy_galaxy(1, side=81).stamp, np.zeros((81, 81))])
    text = r"no template is left for .*bank\.h5: 0 templates of 2 galaxies; rejected: 2 no light connected to the centre"
    with pytest.raises(InputError, match=text):
        main(["--out", str(tmp_path / "out" / "bank.h5"), "--real-galaxies", str(catalogue)])
    assert list((tmp_path / "out").iterdir()) == []


def test_stamps_of_negative_flux_and_absurd_sizes_are_counted_and_the_rest_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    galaxies = [noisy_galaxy(seed, half_light=0.2, side=121) for seed in range(5)]
    stamps = [galaxy.stamp for galaxy in galaxies]
    stamps[1] = stamps[1] - 1.1 * stamps[1].max()
    radius = np.array([galaxy.radius_arcsec / SCALE_ARCSEC for galaxy in galaxies])
    radius[2:4] = 1e30, 1e-30
    assert stamps[1].sum() < 0
    catalogue = write_catalogue(tmp_path / "catalogue", stamps, fitted={"flux_radius": radius})
    assert main(["--out", str(tmp_path / "bank.h5"), "--real-galaxies", str(catalogue), "--size", "64"]) == 0
    bank = open_bank(tmp_path / "bank.h5")
    assert bank.template_id.tolist() == ["cosmos-100", "cosmos-104"]
    assert counts_of(bank) == (5, 2, 3)
    assert "rejected: 2 half-light radius disagrees with the catalogue, 1 no light connected" in capsys.readouterr().out


def test_a_bank_whose_sizes_are_off_the_catalogue_s_is_a_breach_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    galaxies = [noisy_galaxy(seed, half_light=0.2, side=121) for seed in range(3)]
    radius = [1.3 * galaxy.radius_arcsec / SCALE_ARCSEC for galaxy in galaxies]
    catalogue = write_catalogue(tmp_path / "catalogue", [g.stamp for g in galaxies], fitted={"flux_radius": radius})
    command = ["--out", str(tmp_path / "bank.h5"), "--real-galaxies", str(catalogue), "--size", "64"]
    assert main(command) == EXIT_BREACH
    assert re.search(r"catalogue's 0\.7\d\d \+- 0\.0\d\d \(3 compared; OUT OF TOLERANCE\)", capsys.readouterr().out)
    assert main(command) == EXIT_BREACH


def test_no_more_templates_are_made_than_asked_and_faint_ones_are_left_out(tmp_path: Path) -> None:
    stamps = [noisy_galaxy(seed, half_light=0.2, side=121, snr=20 if seed < 2 else 100).stamp for seed in range(6)]
    catalogue = write_catalogue(tmp_path / "catalogue", stamps)
    limits = ["--size", "64", "--min-snr", "40", "--max-templates", "3"]
    main(["--out", str(tmp_path / "bank.h5"), "--real-galaxies", str(catalogue), *limits])
    bank = open_bank(tmp_path / "bank.h5")
    assert bank.template_id.tolist() == ["cosmos-102", "cosmos-103", "cosmos-104"]
    assert counts_of(bank) == (5, 3, 2)
    assert bank.snr.min() > 40


def test_a_bank_is_written_into_s3_and_left_there_as_it_is(
    s3: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, here = f"s3://{BUCKET}/made/bank.h5", tmp_path / "bank.h5"
    assert main(["--out", out, *PROCEDURAL]) == 0
    assert main(["--out", str(here), *PROCEDURAL]) == 0
    there = open_bank(bank_on_disk(location(out)))
    np.testing.assert_array_equal(there.images(range(4)), open_bank(here).images(range(4)))
    capsys.readouterr()
    assert main(["--out", out, *PROCEDURAL]) == 0
    assert f"{out} holds this bank already: 4 templates; nothing to do" in capsys.readouterr().out
    with pytest.raises(InputError, match=f"{out} holds another bank: seed was 1 and is now 2"):
        main(["--out", out, *PROCEDURAL, "--seed", "2"])


def test_a_catalogue_with_its_many_images_is_wanted_on_disk(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_job(JOB, main, ["--out", "bank.h5", "--real-galaxies", "s3://bucket/catalog.fits"]) == EXIT_BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith("dhs source-bank: error: s3://bucket/catalog.fits: this option takes no s3://")
    assert error.count("\n") == 1
