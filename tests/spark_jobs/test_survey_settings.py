"""The survey's settings: the shipped file, and what is refused."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.job_entry import InputError
from spark_jobs.band_choice import parse_bands
from spark_jobs.survey_settings import load_survey

SHIPPED = (files("spark_jobs") / "surveys" / "legacy_dr10.yaml").read_text()


def written(path: Path, old: str, new: str) -> str:
    assert old in SHIPPED
    file = path / "mine.yaml"
    file.write_text(SHIPPED.replace(old, new))
    return str(file)


def test_the_shipped_survey_has_the_five_cuts_and_cannot_be_changed() -> None:
    survey = load_survey("legacy_dr10")
    assert [cut.name for cut in survey.lrg_cuts] == ["v1", "v2", "v3", "v4", "v5"]
    assert survey.cut_number("v3") == 2
    with pytest.raises(ValidationError, match="frozen"):
        survey.name = "other"  # type: ignore[misc]


def test_a_file_is_read_like_the_shipped_one(tmp_path: Path) -> None:
    survey = load_survey(written(tmp_path, "known_lens_radius_arcsec: 10.0", "known_lens_radius_arcsec: 12.5"))
    assert survey.known_lens_radius_arcsec == 12.5
    assert survey.lrg_cuts == load_survey("legacy_dr10").lrg_cuts


def test_where_files_come_from_does_not_make_it_another_survey(tmp_path: Path) -> None:
    mirror = load_survey(written(tmp_path, "https://portal.nersc.gov/", "https://mirror.test/"))
    assert mirror.downloads.coadd_url == "https://mirror.test/cfs/cosmo/data/legacysurvey/dr10/south/coadd"
    assert mirror.model_dump(mode="json") == load_survey("legacy_dr10").model_dump(mode="json")


def test_bits_of_a_band_count_only_where_that_band_is_wanted() -> None:
    survey = load_survey("legacy_dr10")
    assert survey.pixel_bits("grz") == 0b0100_1111_1110
    assert survey.pixel_bits("g") == (1 << 1) | (1 << 2) | (1 << 5) | (1 << 10)
    assert survey.catalogue_bits("r") == survey.pixel_bits("r") | (1 << 0) | (1 << 12) | (1 << 13)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("name: legacy_dr10", "name: legacy_dr10\ncolour: red", "colour: Extra inputs are not permitted"),
        ("z_below: 20.0", "z_below: bright", "lrg_cuts.0.z_below: Input should be a valid number"),
        ("z_below: 20.0", "z_below: 21.0", "v1 is not inside v2; wanted nested cuts"),
        ("z_below: 20.0", "z_under: 20.0", "lrg_cuts.0.z_below: Field required"),
        ("BRIGHT: 1\n", "BRIGT: 1\n", "excluded bits BRIGHT are not among mask_bits"),
        ("max_masked_fraction: 0.2", "max_masked_fraction: 1.2", "less than or equal to 1"),
        ("duplicate_radius_arcsec: 0.5", "duplicate_radius_arcsec: .nan", "duplicate_radius_arcsec"),
        ("name: legacy_dr10", "name: [", "is not YAML"),
        ("https://portal", "http://portal", r"downloads.coadd_url: .*wanted https://host/path"),
        ("https://portal", "https://me:secret@portal", "without name, password"),
        ("https://portal", "file:///portal", "wanted https"),
        ("fits-cutout\n", "fits-cutout?token=1\n", "downloads.cutout_url: .*without name, password, query"),
        ("name: legacy_dr10", "name: !!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_survey_file_that_is_wrong_is_refused_with_the_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        load_survey(written(tmp_path, old, new))


def test_an_unknown_survey_or_cut_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match=r"survey 'dr99' is neither a survey of the package \(legacy_dr10\) nor a YAML file"):
        load_survey("dr99")
    with pytest.raises(InputError, match="cut 'v6' is not one of survey legacy_dr10; it has v1, v2, v3, v4, v5"):
        load_survey("legacy_dr10").cut_number("v6")


def test_bands_are_put_in_the_surveys_order_and_checked() -> None:
    assert parse_bands("zg") == ("g", "z")
    for wrong in ("", "gg", "gri", "G"):
        with pytest.raises(InputError, match=f"bands '{wrong}'; wanted some of grz"):
            parse_bands(wrong)
