"""Scores of real galaxies: the same preparation as of stamps, no label, and no row lost where pixels are bad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.array_codec import encode_arrays
from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.run_record import read_run
from schemas.scores import SCORES
from schemas.survey import BANDS
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.scoring_runs import logits, run, write_cutouts
from trainer import evaluate
from trainer.cutout_catalogue import load_cutouts


def test_a_real_galaxy_is_told_what_a_stamp_with_its_pixels_and_sky_is_told(
    several: StampsDirectory, networks: list[Path], tmp_path: Path
) -> None:
    cutouts = write_cutouts(tmp_path / "cutouts", several.stamps)
    run(tmp_path / "stamps", networks, "--stamps", several.stamps)
    run(tmp_path / "real", networks, "--cutouts", cutouts)
    simulated, real = logits(tmp_path / "stamps"), logits(tmp_path / "real", "parent")
    assert real.keys() == simulated.keys()
    for name, value in real.items():
        assert value == pytest.approx(simulated[name], abs=1e-5)
    table = read_table(tmp_path / "real" / "split=parent" / "part-0.parquet", SCORES)
    assert set(table["label"].to_pylist()) == {-1} and set(table["kind"].to_pylist()) == {"cutout"}
    assert read_run(tmp_path / "real")["counts"] == {"refused": 2, "unscored": 0}


def test_a_cutout_that_cannot_be_decoded_keeps_its_row_without_a_score(
    several: StampsDirectory, networks: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken: list[str] = []

    def spoil(row: dict[str, Any]) -> dict[str, Any]:
        if row["cutout_npz"] is not None and len(broken) < 2:
            broken.append(row["host_id"])
            row["cutout_npz"] = b"PK" if len(broken) == 1 else encode_arrays({"image_g": np.zeros((32, 32), np.float32)})
        return row

    cutouts = write_cutouts(tmp_path / "cutouts", several.stamps, spoil)
    run(tmp_path / "out", networks[:1], "--cutouts", cutouts)
    assert {name for name, value in logits(tmp_path / "out", "parent").items() if np.isnan(value)} == set(broken)
    assert read_run(tmp_path / "out")["counts"] == {"refused": 2, "unscored": 2}
    assert "14 cutouts of parent" in (said := capsys.readouterr().out) and "; 2 without a score; 2 refused rows" in said


def test_a_cutout_with_a_pixel_that_is_no_number_has_no_score_and_too_many_stop_the_run(
    several: StampsDirectory, networks: list[Path], tmp_path: Path
) -> None:
    spoiled: list[str] = []

    def spoil(row: dict[str, Any], most: int) -> dict[str, Any]:
        if row["cutout_npz"] is not None and len(spoiled) < most:
            spoiled.append(row["host_id"])
            planes = {f"image_{band}": np.zeros((32, 32), np.float32) for band in BANDS}
            planes["image_r"][3, 4] = np.nan
            row["cutout_npz"] = encode_arrays(planes)
        return row

    one = write_cutouts(tmp_path / "one", several.stamps, lambda row: spoil(row, 1))
    run(tmp_path / "out", networks[:1], "--cutouts", one)
    assert [name for name, value in logits(tmp_path / "out", "parent").items() if np.isnan(value)] == spoiled
    spoiled.clear()
    many = write_cutouts(tmp_path / "many", several.stamps, lambda row: spoil(row, 12))
    with pytest.raises(InputError, match=r"12 stamps could not be decoded.*at most 10 are skipped"):
        run(tmp_path / "more", networks[:1], "--cutouts", many)
    assert not (tmp_path / "more" / "_run.json").exists()


def test_scores_of_real_galaxies_are_evaluated_to_counts_and_the_reason_why_there_is_no_more(
    several: StampsDirectory, networks: list[Path], tmp_path: Path
) -> None:
    run(tmp_path / "out", networks[:2], "--cutouts", write_cutouts(tmp_path / "cutouts", several.stamps))
    evaluate.main(["--scores", str(tmp_path / "out"), "--out", str(tmp_path / "metrics.json"), "--draws", "10"])
    figures = json.loads((tmp_path / "metrics.json").read_text())["splits"]["parent"]
    assert (figures["n_unknown_label"], figures["n_unscored"], figures["auc"]) == (14, 0, None)
    assert figures["why"] == "0 lenses and 0 negatives; wanted some of both"


def test_cutouts_without_what_a_network_was_told_are_refused(several: StampsDirectory, tmp_path: Path) -> None:
    cutouts = write_cutouts(tmp_path / "cutouts", several.stamps)
    with pytest.raises(InputError, match=r"was told arc_snr, which the cutouts table does not have"):
        load_cutouts(cutouts, ["psf_fwhm_r_arcsec", "arc_snr"])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda row: row | {"size_pix": 30},
            r"cutouts of 30 pixels; the checkpoint was trained on 32. Cut them with dhs cut-hosts --size 32",
        ),
        (lambda row: row | {"bands": "gr"}, r"cutouts of the bands gr; wanted grz"),
        (lambda row: row | {"reasons": 512, "cutout_npz": None}, r"holds 16 cutouts, all refused; wanted usable ones"),
        (lambda row: row | {"size_pix": 30 + (row["cell"] % 2)}, r"cutouts of 30, 31 pixels|trained on 32"),
    ],
)
def test_cutouts_of_another_kind_are_refused_in_one_sentence(
    several: StampsDirectory, networks: list[Path], tmp_path: Path, change: Any, text: str
) -> None:
    cutouts = write_cutouts(tmp_path / "cutouts", several.stamps, change)
    with pytest.raises(InputError, match=text):
        run(tmp_path / "out", networks[:1], "--cutouts", cutouts)
    assert not (tmp_path / "out").exists()
