"""Settings: what comes with the package loads, what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.job_entry import InputError
from trainer.train_settings import TrainSettings, load_settings, named_settings


@pytest.mark.parametrize("name", named_settings())
def test_the_settings_that_come_with_the_package_load(name: str) -> None:
    assert isinstance(load_settings(name), TrainSettings)


def test_the_default_file_and_the_defaults_of_the_code_are_the_same() -> None:
    assert load_settings("default") == TrainSettings()


def test_a_flag_wins_over_the_file_and_none_is_no_flag(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("optimisation: {epochs: 3, learning_rate: 1e-3}\n")
    settings = load_settings(str(path), {"optimisation.epochs": 7, "optimisation.batch_size": None, "seed": 9})
    assert (settings.optimisation.epochs, settings.optimisation.learning_rate, settings.seed) == (7, 1e-3, 9)
    assert settings.optimisation.batch_size == TrainSettings().optimisation.batch_size


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("epochs: 3", "epochs: Extra inputs are not permitted"),
        ("optimisation: {epochs: 0}", r"optimisation.epochs: .*greater than or equal to 1, seen 0"),
        ("network: {backbone: vgg}", "network.backbone: .*convnext_tiny"),
        ("normalisation: {kind: none}", "normalisation.kind"),
        ("normalisation: {sky_sigma_nmgy: {g: 0.1, r: 0.1}}", "wanted one positive number for each of"),
        ("optimisation: {batch_size: 100}", r"batch_size is 100 and data.lanes is 8"),
        ("optimisation: {learning_rate: .nan}", "learning_rate.*finite"),
        ("metadata_columns: []", "metadata_columns"),
        ("- 1", "hold a list; wanted a mapping"),
        ("a: [", "are not YAML"),
        ("seed: 2020-13-45", "are not YAML: month must be"),
        ("optimisation: 3", "optimisation"),
    ],
)
def test_a_fault_in_a_file_is_named_with_its_key(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"wrong.yaml.*{fault}"):
        load_settings(str(path))


def test_a_flag_below_an_entry_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("optimisation: 3")
    with pytest.raises(InputError, match="optimisation is 3; wanted a mapping"):
        load_settings(str(path), {"optimisation.epochs": 2})


def test_a_name_that_is_neither_file_nor_setting_lists_the_settings(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file; wanted a YAML file or one of .*default, demo"):
        load_settings("dmeo")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not text"):
        load_settings(str(tmp_path / "binary.yaml"))


def test_settings_are_frozen_and_their_identity_leaves_out_what_does_not_decide_the_result() -> None:
    settings = TrainSettings()
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 2  # type: ignore[misc]
    other = load_settings("default", {"device": "cpu", "data.workers": 3})
    assert other.identity() == settings.identity()
    assert load_settings("default", {"data.lanes": 4}).identity() != settings.identity()
