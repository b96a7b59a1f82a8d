"""Reading real lenses: those that hold, from the cutouts that were judged, or a sentence that says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.anchors import ANCHOR_INTEGRITY
from schemas.contract_files import Provenance, write_table
from schemas.job_entry import InputError
from schemas.run_record import RunIdentity, begin_run, finish_run
from tests.trainer.drawn_anchors import cutout_row, write_cutout_rows
from trainer.anchor_integrity import TABLE
from trainer.gate_model import main
from trainer.model_gates.real_lenses import RealLenses, read_real_lenses

PLACES = {"a": (150.0, 2.0), "b": (151.0, 2.5), "ring": (152.0, 3.0), "gone": (153.0, 3.5), "fails": (154.0, 4.0)}
COLUMNS = ("psf_fwhm_r_arcsec", "psf_depth_r_mag")


def integrity(folder: Path, verdict: str = "accepted") -> Path:
    """Two lenses, a contaminant, a lens without a cutout, one that fails, and random sky under the first's name."""
    rows: list[dict[str, Any]] = []
    for name, (ra, dec) in PLACES.items():
        row: dict[str, Any] = {"name": name, "control": False, "object_class": "ring" if name == "ring" else "lens"}
        row |= {"label": int(name != "ring"), "discovery": "spectroscopy", "ra_deg": ra, "dec_deg": dec, "judged": True}
        rows.append(row | {"holds": name != "fails", "reasons": 0, "finding": ""})
    rows.append(rows[0] | {"control": True, "object_class": "random_sky", "ra_deg": 140.0})
    out, identity = folder / "integrity", RunIdentity("check-anchors", "test")
    begin_run(out, identity)
    write_table(out / TABLE, pa.Table.from_pylist(rows, ANCHOR_INTEGRITY.arrow_schema()), ANCHOR_INTEGRITY, Provenance("test"))
    finish_run(out, identity, [out / TABLE], {"verdict": verdict, "why": "for a test"}, {})
    return out


def cutouts(folder: Path, **changes: Any) -> Path:
    """Cutouts of all but one, the pixels of each at its own level."""
    rows = []
    for n, (name, place) in enumerate(PLACES.items()):
        levels = {band: np.full((64, 64), 10 * n + k, np.float32) for k, band in enumerate("grz")}
        row = cutout_row(name, *place, None if name == "gone" else levels)
        rows.append(row | {"psf_fwhm_r_arcsec": 1.0 + n, "x_centre_pix": 31.5 if name == "b" else 32.0} | changes)
    return write_cutout_rows(folder / "cutouts", rows)


def read(folder: Path, columns: tuple[str, ...] = COLUMNS, size: int = 64) -> RealLenses:
    return read_real_lenses(folder / "integrity", folder / "cutouts", columns, size)


def test_lenses_that_hold_and_have_pixels_are_read_with_what_a_network_is_told(tmp_path: Path) -> None:
    integrity(tmp_path), cutouts(tmp_path)
    lenses = read(tmp_path)
    assert lenses.names.tolist() == ["a", "b"]
    assert lenses.images.shape == (2, 3, 64, 64) and lenses.images.dtype == np.float32
    assert lenses.images[:, :, 5, 7].tolist() == [[0, 1, 2], [10, 11, 12]]
    np.testing.assert_array_equal(lenses.metadata, [[1.0, np.nan], [2.0, np.nan]])
    assert lenses.x_pix.tolist() == [32.0, 31.5] and lenses.y_pix.tolist() == [32.0, 32.0]
    assert read(tmp_path, ()).metadata.shape == (2, 0)


def test_a_set_that_was_not_accepted_is_refused(tmp_path: Path) -> None:
    integrity(tmp_path, "refused"), cutouts(tmp_path)
    with pytest.raises(InputError, match="the anchors are refused, for a test; wanted a set that is accepted"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"ra_deg": 150.001}, r"cutouts .*: [ab] was cut .* arcsec from the position that was judged; wanted within 0\.1"),
        ({"host_id": "somebody"}, r"cutouts .* hold none of the 3 lenses that .* accepted"),
    ],
)
def test_cutouts_of_elsewhere_and_of_others_are_refused(tmp_path: Path, changes: dict[str, Any], error: str) -> None:
    integrity(tmp_path), cutouts(tmp_path, **changes)
    with pytest.raises(InputError, match=error):
        read(tmp_path)


def test_cutouts_of_another_size_and_unknown_columns_are_refused(tmp_path: Path) -> None:
    integrity(tmp_path), cutouts(tmp_path)
    with pytest.raises(InputError, match=r"have 64 pixels and the stamps 48; wanted the same: cut the anchors with --size 48"):
        read(tmp_path, size=48)
    with pytest.raises(InputError, match="the network was told shoe_size, which the cutouts table does not have"):
        read(tmp_path, ("shoe_size",))


def test_one_option_without_the_other_is_refused_before_anything_is_read() -> None:
    base = ["--stamps", "nowhere", "--checkpoint", "nowhere.pt", "--out", "nowhere"]
    for more in (["--integrity", "x"], ["--anchor-cutouts", "x"]):
        with pytest.raises(InputError, match="one of --integrity and --anchor-cutouts was given; wanted both or neither"):
            main([*base, *more])
