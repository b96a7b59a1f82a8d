"""Metadata: only what exists without a lens, normalised with the training set's figures, silent where null."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from schemas.job_entry import InputError
from schemas.stamps import STAMPS
from trainer.metadata import MetadataStatistics, check_metadata_columns, measure_metadata, normalise_metadata

COLUMNS = ("psf_fwhm_r_arcsec", "psf_depth_r_mag")


@pytest.mark.parametrize("name", STAMPS.injected_names)
def test_no_column_that_injection_made_can_be_a_feature(name: str) -> None:
    with pytest.raises(InputError, match=rf"{name}.*only because a lens was injected"):
        check_metadata_columns(["psf_fwhm_r_arcsec", name])


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        (["label"], "label.*an identity, not a measurement"),
        (["task_id"], "task_id.*string"),
        (["seeing"], "'seeing' is not in the stamps contract"),
        (["psf_fwhm_r_arcsec"] * 2, "named twice"),
    ],
)
def test_answers_identities_and_strangers_cannot_be_features(columns: list[str], text: str) -> None:
    with pytest.raises(InputError, match=text):
        check_metadata_columns(columns)


def test_normalised_training_values_have_mean_zero_and_scatter_one() -> None:
    values = np.random.default_rng(1).normal([1.25, 23.9], [0.1, 0.01], size=(1000, 2))
    normalised = normalise_metadata(torch.from_numpy(values), measure_metadata(values, COLUMNS)).numpy()
    assert normalised.dtype == np.float32
    assert np.allclose(normalised.mean(axis=0), 0, atol=1e-5) and np.allclose(normalised.std(axis=0), 1, atol=1e-5)


def test_nulls_are_left_out_of_the_statistics_and_become_the_mean() -> None:
    values = np.array([[1.0, 23.0], [np.nan, 24.0], [2.0, np.nan]])
    statistics = measure_metadata(values, COLUMNS)
    assert statistics.mean == (1.5, 23.5)
    normalised = normalise_metadata(torch.from_numpy(values), statistics)
    assert normalised[1, 0] == 0 and normalised[2, 1] == 0 and torch.isfinite(normalised).all()


def test_a_column_that_never_varies_is_centred_and_not_divided_by_zero() -> None:
    statistics = measure_metadata(np.array([[1.0, 23.9], [2.0, 23.9], [3.0, 23.9]]), COLUMNS)
    assert statistics.std[1] == 1.0
    assert torch.isfinite(normalise_metadata(torch.tensor([[1.0, 22.0]]), statistics)).all()


def test_a_column_that_is_null_throughout_is_refused() -> None:
    with pytest.raises(InputError, match=r"'psf_depth_r_mag' is null in all 2 training stamps"):
        measure_metadata(np.array([[1.0, np.nan], [2.0, np.nan]]), COLUMNS)


def test_other_data_is_normalised_with_the_training_sets_figures_and_not_its_own() -> None:
    statistics = MetadataStatistics(COLUMNS, (1.25, 23.9), (0.1, 0.5))
    out = normalise_metadata(torch.tensor([[1.45, 22.9], [1.45, 22.9]], dtype=torch.float64), statistics)
    assert torch.allclose(out, torch.tensor([[2.0, -2.0], [2.0, -2.0]]))
