"""The description of a mock sky is read whole or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.job_entry import InputError
from spark_jobs.transforms.mock.mock_settings import MockSky, load_sky_settings


def test_the_shipped_settings_hold_the_survey_s_medians() -> None:
    conditions = load_sky_settings().conditions
    assert conditions.psf_fwhm_arcsec == {"g": 1.35, "r": 1.25, "z": 1.2}
    assert conditions.psf_depth_mag == {"g": 24.7, "r": 23.9, "z": 23.0}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hosts: {", r"sky\.yaml is not YAML"),
        ("hosts: {unknown: 1}", r"sky\.yaml is not a description of a mock sky"),
        ("conditions: 3", r"sky\.yaml is not a description of a mock sky"),
    ],
)
def test_settings_that_are_broken_or_hold_an_unknown_key_are_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "sky.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        load_sky_settings(path)


def test_settings_cannot_be_changed_once_made() -> None:
    mock = MockSky(sky=load_sky_settings())
    with pytest.raises(ValidationError, match="frozen"):
        mock.seed = 2
