"""A bank is written whole or not at all, and what is read back is what was written or one clear error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest

from schemas.code_version import code_version
from schemas.job_entry import InputError
from schemas.split_rule import SPLITS, split_of
from spark_jobs.transforms.bank.bank_file import NUMBERS, TEXTS, open_bank, template_split, write_bank
from spark_jobs.transforms.bank.bank_template import Census, Template
from spark_jobs.transforms.bank.template_light import Rejection
from tests.spark_jobs.small_galaxies import make_template

SIZE = 32
FRACTIONS = {"train": 0.5, "val": 0.2, "test": 0.3}


def three() -> list[Template]:
    turned = make_template("b-2", redshift=math.nan, snr=math.inf, provenance="ségment", pixel_scale_arcsec=0.06)
    moved = np.roll(make_template().image, 3, axis=0)
    return [make_template("a-1"), turned, make_template("c-3", mag_f814w=25.0, image=moved)]


@pytest.fixture
def bank_path(tmp_path: Path) -> Path:
    census = Census(seen=5, kept=3)
    census.rejected[Rejection.FAINT] = 2
    write_bank(tmp_path / "new" / "bank.h5", three(), SIZE, {"procedural": 5}, census)
    return tmp_path / "new" / "bank.h5"


def test_what_is_read_back_is_what_was_written(bank_path: Path) -> None:
    bank = open_bank(bank_path)
    assert (len(bank), bank.size_pix) == (3, SIZE)
    assert {field.name for field in fields(Template)} == {"image", *TEXTS, *NUMBERS}
    for row, template in enumerate(three()):
        for name in (*TEXTS, *NUMBERS):
            assert getattr(bank, name)[row] == pytest.approx(getattr(template, name), nan_ok=True, abs=0), name
        np.testing.assert_array_equal(bank.template(template.template_id), template.image)
    np.testing.assert_array_equal(bank.images([2, 0]), np.stack([three()[2].image, three()[0].image]))


def test_the_file_says_what_it_is_where_it_comes_from_and_whom_it_left_out(bank_path: Path) -> None:
    attributes = open_bank(bank_path).attributes
    assert (attributes["bank_version"], attributes["band"]) == ("1.0", "F814W")
    assert attributes["code_version"] == code_version()
    assert json.loads(attributes["settings"]) == {"procedural": 5}
    assert json.loads(attributes["counts"]) == {"seen": 5, "kept": 3, "rejected": {"signal to noise too low": 2}}
    with h5py.File(bank_path) as file:
        assert all(file[name].attrs["doc"] for name in ("templates", *TEXTS, *NUMBERS))


def test_a_template_that_is_not_in_the_bank_is_refused(bank_path: Path) -> None:
    bank = open_bank(bank_path)
    assert [bank.index(name) for name in ("a-1", "b-2", "c-3")] == [0, 1, 2]
    with pytest.raises(InputError, match=r"template 'd-4' is not among the 3 of .*bank\.h5"):
        bank.template("d-4")


def test_every_template_is_in_one_split_by_the_published_hash(bank_path: Path) -> None:
    bank = open_bank(bank_path)
    rows = {split: bank.rows_of_split(split, FRACTIONS).tolist() for split in SPLITS}
    assert sorted(row for members in rows.values() for row in members) == [0, 1, 2]
    for split, members in rows.items():
        assert all(split_of(str(bank.template_id[row]), FRACTIONS) == split for row in members)
    assert template_split("procedural-17", FRACTIONS) == split_of("procedural-17", FRACTIONS)
    with pytest.raises(InputError, match="split 'valid'; wanted one of train, val, test"):
        bank.rows_of_split("valid", FRACTIONS)


def _interrupted() -> Iterator[Template]:
    yield make_template("a-1")
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("templates", "text"),
    [
        ([], r"no template is left for .*bank\.h5: 0 templates of 7 galaxies"),
        ([make_template("a"), make_template("a")], "two templates are called a; wanted each galaxy once"),
        ([make_template("a", image=np.full((32, 32), 2 / 1024, "f4"))], r"template a of shape \(32, 32\) sums to 2; wanted"),
        ([make_template("a", image=np.full((32, 32), np.nan, "f4"))], "sums to nan; wanted"),
        ([make_template("a", size=34)], r"template a of shape \(34, 34\) sums to 1; wanted \(32, 32\) and 1"),
    ],
)
def test_a_bank_is_not_written_where_a_template_breaks_the_contract(
    tmp_path: Path, templates: list[Template], text: str
) -> None:
    with pytest.raises(InputError, match=text):
        write_bank(tmp_path / "bank.h5", templates, SIZE, {}, Census(seen=7))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_bank_leaves_nothing_and_touches_no_older_one(tmp_path: Path) -> None:
    (tmp_path / "bank.h5").write_bytes(b"older")
    with pytest.raises(KeyboardInterrupt):
        write_bank(tmp_path / "bank.h5", _interrupted(), SIZE, {}, Census())
    assert [path.name for path in tmp_path.iterdir()] == ["bank.h5"]
    assert (tmp_path / "bank.h5").read_bytes() == b"older"


def test_nothing_stands_under_the_bank_s_name_before_it_is_whole(tmp_path: Path) -> None:
    def watching() -> Iterator[Template]:
        for template in three():
            assert not (tmp_path / "bank.h5").exists()
            yield template

    write_bank(tmp_path / "bank.h5", watching(), SIZE, {}, Census())
    assert [path.name for path in tmp_path.iterdir()] == ["bank.h5"]


def test_a_bank_is_written_over_an_older_one_whole(bank_path: Path) -> None:
    write_bank(bank_path, three()[:2], SIZE, {}, Census())
    assert open_bank(bank_path).template_id.tolist() == ["a-1", "b-2"]
    assert [path.name for path in bank_path.parent.iterdir()] == ["bank.h5"]


def test_a_bank_that_is_absent_names_the_job_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"source bank .*none\.h5 is not there; make one with dhs source-bank"):
        open_bank(tmp_path / "none.h5")


@pytest.mark.parametrize("version", ["2.0", "0.9", None])
def test_a_bank_of_another_major_version_or_of_none_is_refused(bank_path: Path, version: str | None) -> None:
    with h5py.File(bank_path, "r+") as file:
        del file.attrs["bank_version"]
        if version:
            file.attrs["bank_version"] = version
    text = rf"is a source bank of version {version}; this code reads 1\.x" if version else "it is not a source bank"
    with pytest.raises(InputError, match=text):
        open_bank(bank_path)


def test_a_bank_of_a_later_minor_version_is_read(bank_path: Path) -> None:
    with h5py.File(bank_path, "r+") as file:
        file.attrs["bank_version"] = "1.7"
        file["something_new"] = [1, 2, 3]
    assert len(open_bank(bank_path)) == 3


def test_datasets_and_attributes_that_lack_are_named(bank_path: Path) -> None:
    with h5py.File(bank_path, "r+") as file:
        del file["snr"], file["templates"], file.attrs["settings"]
    with pytest.raises(InputError, match=r"bank\.h5 lacks the datasets or attributes templates, snr, settings of"):
        open_bank(bank_path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_bank_is_one_clear_error(bank_path: Path, share: float) -> None:
    content = bank_path.read_bytes()
    bank_path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"bank\.h5 is damaged, truncated or not an HDF5 file"):
        open_bank(bank_path)


def test_a_file_of_something_else_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "bank.h5").write_text("a galaxy far away\n" * 100)
    with pytest.raises(InputError, match=r"bank\.h5 is damaged, truncated or not an HDF5 file"):
        open_bank(tmp_path / "bank.h5")


@pytest.mark.parametrize("name", ["templates", *NUMBERS])
def test_a_flipped_bit_in_the_numbers_or_pixels_is_not_read_silently(bank_path: Path, name: str) -> None:
    with h5py.File(bank_path) as file:
        chunk = file[name].id.get_chunk_info(0)
    content = bytearray(bank_path.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 4
    bank_path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"bank\.h5 is damaged, truncated or not an HDF5 file"):
        open_bank(bank_path).images([0])


def test_a_template_that_is_kept_cannot_be_changed_by_who_asks_for_it(bank_path: Path) -> None:
    bank = open_bank(bank_path)
    name = str(bank.template_id[0])
    with pytest.raises(ValueError, match="read-only"):
        bank.template(name)[0, 0] = 1.0
    np.testing.assert_array_equal(bank.template(name), bank.images([0])[0])
