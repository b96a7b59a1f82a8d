"""Foreign rows as rows of the contract: each kept, each number under the name whose meaning it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.array_codec import decode_stamp
from schemas.contract_files import conform
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.stamps import STAMPS
from tests.trainer.adopting.foreign_files import Row, blob_of, images_of, stamp_row, write_file
from trainer.adopting.foreign_stamps import find_stamps
from trainer.adopting.one_host import NOWHERE, HostNames
from trainer.adopting.sky_cells import NO_CELL, sky_cells
from trainer.adopting.stamp_columns import AdoptionRules, adopted_table

SIZE = 16


def adopted(root: Path, rows: list[Row], rules: AdoptionRules | None = None, first: int = 0) -> list[dict[str, Any]]:
    path = write_file(root / "region_split=val" / "part.parquet", rows)
    (file,) = find_stamps(root)
    (batch,) = pq.read_table(path, partitioning=None).combine_chunks().to_batches()
    table = adopted_table(batch, first, file, rules or AdoptionRules(SIZE), HostNames({}))
    return conform(table, STAMPS).to_pylist()


def lens(**other: Any) -> Row:
    return stamp_row(0, "val", SIZE, **other)


def control(**other: Any) -> Row:
    return stamp_row(1, "val", SIZE, **other)


def test_a_lens_becomes_a_row_of_the_contract(tmp_path: Path) -> None:
    (row,) = adopted(tmp_path, [lens()])
    assert row["reasons"] == 0
    expected = {
        "task_id": "val-000000",
        "pair_id": None,
        "split": "val",
        "kind": "lens",
        "label": 1,
        "shard": 0,
        "replicate": 0,
    }
    expected |= {"ra_deg": 10.0, "dec_deg": -0.5, "brickname": "0000m005", "host_id": "J10.0000000-0.5000000"}
    expected |= {"size_pix": SIZE, "x_centre_pix": 8.0, "y_centre_pix": 8.0, "masked_fraction": 0.01, "run_seed": 0}
    expected |= {"psf_fwhm_g_arcsec": 1.4, "psf_fwhm_r_arcsec": 1.2, "psf_fwhm_z_arcsec": 1.1, "theta_e_arcsec": 1.25}
    expected |= {"psf_depth_g_mag": 24.5, "psf_depth_r_mag": 23.8, "psf_depth_z_mag": 22.9, "configuration": 125150}
    expected |= {"arc_peak_snr": 4.5, "arc_snr": None, "mag_raw_r": None, "recipe_hash": AdoptionRules(SIZE).recipe_hash}
    expected |= {f"psf_fwhm_used_{band}_arcsec": 1.3 for band in "grz"}
    assert {name: row[name] for name in expected} == expected
    assert row["theta_e_over_fwhm"] == pytest.approx(1.25 / 1.3)
    assert row["cell"] == sky_cells(np.array([10.0]), np.array([-0.5]))[0]
    np.testing.assert_array_equal(decode_stamp(row["stamp_npz"])[1], images_of(0, SIZE, 0.04)["r"])


def test_a_control_has_nothing_that_an_injection_leaves_behind_whatever_its_file_says(tmp_path: Path) -> None:
    said = {"theta_e_arcsec": 1.0, "src_dmag": 1.0, "arc_snr": 3.0, "psf_fwhm_used_r": 1.0}
    for row in adopted(tmp_path, [control(), control(**said)]):
        assert (row["kind"], row["label"], row["reasons"], row["configuration"]) == ("control", 0, 0, 0)
        assert [name for name in STAMPS.injected_names if row[name] is not None] == []
        assert row["stamp_npz"] is not None and row["psf_fwhm_r_arcsec"] == pytest.approx(1.21)


def test_truth_may_be_written_as_bool_or_number(tmp_path: Path) -> None:
    path = write_file(tmp_path / "region_split=val" / "part.parquet", [lens(), control(), control()])
    table = pq.read_table(path, partitioning=None)
    for name, kind in (("is_control", pa.bool_()), ("cutout_ok", pa.float32()), ("task_id", pa.large_string())):
        table = table.set_column(table.column_names.index(name), name, table[name].cast(kind))
    pq.write_table(table, path)
    (file,) = find_stamps(tmp_path)
    (batch,) = table.combine_chunks().to_batches()
    found = adopted_table(batch, 0, file, AdoptionRules(SIZE), HostNames({}))
    assert found["label"].to_pylist() == [1, 0, 0] and found["reasons"].to_pylist() == [0, 0, 0]


REFUSED: dict[str, tuple[dict[str, Any], Reason]] = {
    "image_r only": ({"stamp_npz": blob_of({"r": images_of(0, SIZE)["r"]}, "gzip")}, Reason.BAND_MISSING),
    "NaN": ({"stamp_npz": blob_of(images_of(0, SIZE) | {"z": np.full((SIZE, SIZE), np.nan)})}, Reason.NONFINITE_PIXELS),
    "another size": ({"stamp_npz": blob_of(images_of(0, 8))}, Reason.OTHER_SIZE),
    "null": ({"stamp_npz": None}, Reason.PIXELS_UNREADABLE),
    "damaged": ({"stamp_npz": b"PK"}, Reason.PIXELS_UNREADABLE),
    "said unusable": ({"cutout_ok": 0}, Reason.SAID_UNUSABLE),
    "no right ascension": ({"ra": None}, Reason.POSITION_UNREADABLE),
    "off the sphere": ({"dec": 91.0}, Reason.POSITION_UNREADABLE),
    "no name": ({"task_id": None}, Reason.IDENTITY_UNKNOWN),
    "no label": ({"is_control": None}, Reason.IDENTITY_UNKNOWN),
    "a label that is none": ({"is_control": 2}, Reason.IDENTITY_UNKNOWN),
    "two reasons": ({"cutout_ok": 0, "dec": None}, Reason.SAID_UNUSABLE | Reason.POSITION_UNREADABLE),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_row_that_cannot_be_used_is_kept_with_its_reason_and_no_pixels(tmp_path: Path, name: str) -> None:
    fault, reason = REFUSED[name]
    good, bad = adopted(tmp_path, [control(), lens(**fault)], first=40)
    assert good["reasons"] == 0 and good["stamp_npz"] is not None
    assert bad["reasons"] == int(reason) and bad["stamp_npz"] is None
    assert bad["task_id"] == ("unnamed-0-41" if name == "no name" else "val-000000")
    if reason == Reason.POSITION_UNREADABLE:
        assert (bad["host_id"], bad["cell"]) == (NOWHERE, NO_CELL)


def test_conditions_that_are_no_numbers_are_null_and_do_not_refuse(tmp_path: Path) -> None:
    (row,) = adopted(tmp_path, [lens(psfsize_r=0.0, psfdepth_r=float("nan"), bad_pixel_frac=None, cutout_ok=None)])
    assert (row["psf_fwhm_r_arcsec"], row["psf_depth_r_mag"], row["masked_fraction"], row["reasons"]) == (None, None, None, 0)
    assert row["theta_e_over_fwhm"] == pytest.approx(1.25 / 1.3)


def test_the_width_that_was_used_is_taken_before_the_bricks(tmp_path: Path) -> None:
    (row,) = adopted(tmp_path, [lens(psf_fwhm_used_r=None)])
    assert row["theta_e_over_fwhm"] == pytest.approx(1.25 / 1.2)


def test_depth_as_inverse_variance_becomes_a_magnitude_when_asked(tmp_path: Path) -> None:
    invvar = (5 / 10 ** (-0.4 * (23.8 - 22.5))) ** 2
    rows = [lens(psfdepth_r=invvar, psfdepth_g=0.0, psfdepth_z=None)]
    (row,) = adopted(tmp_path, rows, AdoptionRules(SIZE, depth="invvar"))
    assert row["psf_depth_r_mag"] == pytest.approx(23.8, abs=1e-9)
    assert row["psf_depth_g_mag"] is None and row["psf_depth_z_mag"] is None


def test_depth_that_is_no_magnitude_stops_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"psfdepth_r is 1\d\d\d in the median of 2 rows; .* or --depth invvar for an inverse"):
        adopted(tmp_path, [lens(psfdepth_r=1000.0), lens(psfdepth_r=1200.0)])


def test_the_matched_filter_snr_is_taken_for_one_only_when_asked(tmp_path: Path) -> None:
    (row,) = adopted(tmp_path, [lens()], AdoptionRules(SIZE, arc_snr="matched"))
    assert (row["arc_snr"], row["arc_peak_snr"]) == (4.5, None)


def test_rules_that_differ_are_two_recipes() -> None:
    rules = [AdoptionRules(), AdoptionRules(32), AdoptionRules(depth="invvar"), AdoptionRules(arc_snr="matched")]
    assert len({rule.recipe_hash for rule in rules}) == 4
    assert "arc_peak_snr" in rules[0].words()["arc_snr"] and "(32, 32)" in rules[0].words()["centre"]


def test_what_the_contract_has_no_column_for_is_kept_as_a_configuration(tmp_path: Path) -> None:
    said = [(0.5, 0.5), (2.5, 2.0), (0.75, 1.0), (None, 1.0), (1.0, None), (1.0, -0.1)]
    rows = adopted(tmp_path, [lens(theta_e_arcsec=theta_e, src_dmag=fainter) for theta_e, fainter in said])
    assert [row["configuration"] for row in rows] == [50050, 250200, 75100, 0, 0, 0]


def test_a_split_column_inside_the_file_must_agree_with_the_directory(tmp_path: Path) -> None:
    assert adopted(tmp_path / "same", [lens(region_split="val")])[0]["split"] == "val"
    with pytest.raises(InputError, match=r"1 of 2 rows say a region_split that is not 'val', the directory's; wanted the same"):
        adopted(tmp_path / "other", [lens(region_split="val"), lens(region_split="train")])
