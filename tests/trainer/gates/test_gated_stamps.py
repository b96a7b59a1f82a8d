"""Which stamps gates look at, and that one pass over them finds pairs wherever they lie in the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.code_version import code_version
from schemas.contract_files import Provenance, read_table, write_table
from schemas.job_entry import InputError
from schemas.locations import location
from schemas.stamps import STAMP_INDEX, STAMPS
from tests.synthetic_stamps import RECIPE_HASH, SEED, StampsDirectory, write_stamps_directory
from tests.trainer.tiny_training import refinish, rewrite_stamps
from trainer.gates import stamp_pass
from trainer.gates.gated_stamps import GatedStamps, gather_stamps, host_hashes
from trainer.gates.split_gates import split_content
from trainer.gates.stamp_pass import centres_of, hash_stamps, measure

PAIRS = 40


@pytest.fixture
def directory(tmp_path: Path) -> StampsDirectory:
    return write_stamps_directory(tmp_path, {"train": PAIRS, "val": 6}, size=32)


def gather(directory: StampsDirectory, most: int = 10**6, seed: int = 1) -> GatedStamps:
    return gather_stamps(location(str(directory.stamps)), "train", most, seed)


def sorted_by(directory: StampsDirectory, key: Any) -> StampsDirectory:
    """The same train split with its rows in another order."""
    (path,) = (directory.stamps / "split=train").glob("*.parquet")
    rows = sorted(read_table(path, STAMPS).to_pylist(), key=key)
    table = pa.Table.from_pylist(rows, STAMPS.arrow_schema())
    provenance = Provenance(code_version(), RECIPE_HASH, SEED, "synthetic")
    write_table(path, table, STAMPS, provenance)
    index = table.drop_columns(["stamp_npz"])
    index = index.append_column("file", pa.array([path.relative_to(directory.stamps).as_posix()] * len(rows), pa.string()))
    index = index.append_column("row", pa.array(range(len(rows)), pa.int32()))
    # The index in the opposite order: only the row's number says where a stamp lies.
    write_table(
        directory.stamps / "index" / "split-train.parquet",
        index.take(pa.array(range(len(rows))[::-1])),
        STAMP_INDEX,
        provenance,
    )
    refinish(directory)
    return directory


def test_all_usable_stamps_are_looked_at_where_they_are_not_more_than_wanted(directory: StampsDirectory) -> None:
    stamps = gather(directory)
    assert len(stamps.cells) == stamps.usable == 2 * (PAIRS - 2)
    assert stamps.lens.sum() == len(stamps.pairs[0]) == PAIRS - 2
    assert stamps.missing["theta_e_arcsec"].tolist() == (~stamps.lens).tolist()


def test_of_more_whole_hosts_are_drawn_by_the_hash_of_their_name(directory: StampsDirectory) -> None:
    every, few = gather(directory), gather(directory, most=30)
    assert 0 < len(few.cells) < len(every.cells) == few.usable
    chosen = every.host_hash < np.uint64(2**64 * 30 // len(every.cells))
    assert few.hosts.tolist() == every.hosts[chosen].tolist()
    assert len(few.pairs[0]) * 2 == len(few.cells)
    assert (few.hosts[few.pairs[0]] == few.hosts[few.pairs[1]]).all()
    assert gather(directory, most=30, seed=2).hosts.tolist() != few.hosts.tolist()


def test_a_draw_measures_what_the_whole_measures_of_the_same_stamps(directory: StampsDirectory) -> None:
    every, few = gather(directory), gather(directory, most=30)
    of_every, of_few = measure(every), measure(few)
    rows = np.isin(every.hosts, few.hosts)
    for name, values in of_few.features.items():
        assert np.array_equal(values, of_every.features[name][rows], equal_nan=True), name
    assert np.array_equal(of_few.hashes, of_every.hashes[rows])
    assert np.array_equal(hash_stamps(few)[0], of_few.hashes)


def test_a_draw_of_no_host_says_so(directory: StampsDirectory) -> None:
    with pytest.raises(InputError, match="--most 0; wanted at least one stamp"):
        gather(directory, most=0)
    seed = next(s for s in range(99) if (host_hashes([f"9010-0-{n}" for n in range(PAIRS)], s) > 2**58).all())
    with pytest.raises(InputError, match="--most 1 draws no host of split 'train', which has 76 stamps; wanted more"):
        gather(directory, most=1, seed=seed)


def test_pairs_far_apart_in_a_file_give_the_same_arcs(directory: StampsDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    together = gather(directory)
    arcs = measure(together).arcs["arc_flux"]
    by_host = dict(zip(together.hosts[together.lens].tolist(), arcs[together.lens].tolist(), strict=True))
    assert all(np.isfinite(list(by_host.values())))
    monkeypatch.setattr("schemas.contract_files.ROWS_PER_GROUP_WITH_BLOBS", 8)
    apart = gather(sorted_by(directory, lambda row: (row["label"], row["host_id"])))
    again = measure(apart).arcs["arc_flux"]
    assert dict(zip(apart.hosts[apart.lens].tolist(), again[apart.lens].tolist(), strict=True)) == by_host


def test_no_more_stamps_wait_for_their_partner_than_allowed(
    directory: StampsDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schemas.contract_files.ROWS_PER_GROUP_WITH_BLOBS", 8)
    monkeypatch.setattr(stamp_pass, "MOST_WAITING", 10)
    apart = gather(sorted_by(directory, lambda row: (row["label"], row["host_id"])))
    known = np.isfinite(measure(apart).arcs["arc_flux"][apart.lens])
    assert 0 < known.sum() <= 10


def test_the_core_ends_one_psf_width_inside_the_einstein_radius_for_both_of_a_pair(directory: StampsDirectory) -> None:
    stamps = gather(directory)
    core = centres_of(stamps).core_pix
    lenses, controls = stamps.pairs
    theta_e, fwhm = stamps.columns["theta_e_arcsec"][lenses], stamps.columns["psf_fwhm_r_arcsec"][lenses]
    assert np.array_equal(core[lenses], core[controls], equal_nan=True)
    wide = theta_e > 1.5 * fwhm
    assert 0 < wide.sum() < len(wide)
    assert core[lenses, 1][wide] == pytest.approx((theta_e - fwhm)[wide] / 0.262)
    assert np.isnan(core[lenses, 1][~wide]).all()


def test_a_stamp_that_cannot_be_read_is_marked_and_has_no_features(directory: StampsDirectory) -> None:
    def broken(row: dict[str, Any]) -> dict[str, Any]:
        return row | ({"stamp_npz": b"not a stamp"} if row["host_id"] == "9010-0-3" and row["label"] == 1 else {})

    rewrite_stamps(directory, "train", broken)
    stamps = gather(directory)
    measured = measure(stamps)
    bad = (stamps.hosts == "9010-0-3") & stamps.lens
    assert measured.readable.tolist() == (~bad).tolist()
    assert np.isnan(measured.features["profile"][bad]).all()
    assert np.isnan(measured.arcs["arc_flux"][bad]).all()


def test_a_host_that_is_relabelled_into_another_split_is_found_by_its_pixels(directory: StampsDirectory) -> None:
    (path,) = (directory.stamps / "split=train").glob("*.parquet")
    stolen = read_table(path, STAMPS).to_pylist()[0]["stamp_npz"]
    rewrite_stamps(directory, "val", lambda row: row | ({"stamp_npz": stolen} if row["host_id"] == "9010-1-0" else {}))
    stamps = gather(directory)
    content = split_content(location(str(directory.stamps)), stamps, measure(stamps), 10**6, 1)
    assert list(content) == ["train", "val"]
    assert len(np.intersect1d(content["train"].images, content["val"].images)) == 1
    assert not len(np.intersect1d(content["train"].hosts, content["val"].hosts))
    assert (len(content["val"].hosts), len(content["val"].cells), content["val"].whole) == (4, 1, True)
