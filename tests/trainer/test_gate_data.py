"""``dhs gate-data``: what it writes, what it says, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from markupsafe import escape

from schemas.contract_files import read_table
from schemas.gates import GATES
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_BREACH, EXIT_DONE, run_job
from schemas.run_record import FINISHED_NAME, read_run, run_files
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.gate_stamps import Fault, write_pairs
from trainer import gate_data

PAIRS = {"train": 130, "val": 8}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    return write_pairs(tmp_path_factory.mktemp("stamps"), PAIRS, Fault(arc_as_bright_as_host=True))


@pytest.fixture(scope="module")
def out(directory: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("gates") / "gates"
    assert gate(directory, where) == EXIT_BREACH
    return where


def gate(directory: StampsDirectory, out: Path, *more: str) -> int:
    flags = ["--stamps", str(directory.stamps), "--plan", str(directory.plan), "--out", str(out), "--draws", "40", *more]
    return run_job("gate-data", gate_data.main, flags)


def test_table_json_and_page_tell_the_same_verdicts(out: Path) -> None:
    table = read_table(out / "gates.parquet", GATES).to_pylist()
    content = json.loads((out / "gates.json").read_text(), parse_constant=lambda word: pytest.fail(f"{word} in gates.json"))
    page = (out / "gates.html").read_text("utf-8")
    assert [{name: row[name] for name in GATES.names} for row in content["gates"]] == table
    assert content["counts"] == {v: [row["verdict"] for row in table].count(v) for v in content["counts"]}
    assert sum(content["counts"].values()) == len(table) == 21
    for row in content["gates"]:
        assert f"{escape(row['title'])}: {row['verdict']}</h3>" in page
    assert {"arc_magnitude", "arc_to_host_flux"} <= {row["gate"] for row in table if row["verdict"] == "fail"}


def test_where_nothing_is_supported_there_is_no_number(out: Path) -> None:
    rows = read_table(out / "gates.parquet", GATES).to_pylist()
    (core,) = (row for row in rows if row["gate"] == "core_of_pairs")
    assert (core["verdict"], core["value"], core["low"], core["high"]) == ("not supported", None, None, None)
    assert core["why"].startswith("too few objects: ")
    without = {row["gate"] for row in rows if not row["n_positive"] + row["n_negative"] + row["n_hosts"]}
    assert without == {"bank_sizes", "bank_noise"}  # no bank was given


def test_the_page_holds_its_pictures_each_with_a_text_and_asks_nothing_of_the_network(out: Path) -> None:
    page = (out / "gates.html").read_text("utf-8")
    pictures = re.findall(r"<img [^>]*>", page)
    assert len(pictures) > 20
    assert all(re.search(r'src="data:image/svg\+xml;base64,', picture) for picture in pictures)
    assert all(re.search(r'alt="[^"]{20,}"', picture) for picture in pictures)
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "nan" not in re.sub(r"base64,[^\"]*|nano\w*", "", page).lower().split()


def test_the_closing_line_counts_verdicts_and_names_what_failed(
    directory: StampsDirectory, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert gate(directory, out) == EXIT_BREACH  # finished already: the same answer, nothing written
    said = capsys.readouterr().out
    assert re.fullmatch(
        r"dhs gate-data: 21 gates: \d+ pass, \d+ fail, \d+ not supported, 1 confounded "
        r"\(failed: .*arc_magnitude, arc_to_host_flux.*\); .*/gates\.html\n",
        said,
    )
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_the_same_stamps_give_the_same_bytes(directory: StampsDirectory, out: Path, tmp_path: Path) -> None:
    assert gate(directory, tmp_path / "again") == EXIT_BREACH
    for name in ("gates.json", "gates.parquet", "gates.html"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes(), name


def test_the_record_lists_the_files_and_other_settings_are_refused(
    directory: StampsDirectory, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [entry["path"] for entry in read_run(out)["files"]] == ["gates.html", "gates.json", "gates.parquet"]
    assert run_files(out, GATES, under="gates.parquet") == [out / "gates.parquet"]
    assert read_run(out)["counts"] == {"stamps": 258}
    assert gate(directory, out, "--seed", "2") == EXIT_BAD_INPUT
    assert "seed" in capsys.readouterr().err


def test_a_set_that_fails_no_gate_ends_well(tmp_path: Path) -> None:
    assert gate(write_pairs(tmp_path / "clean", {"train": 21}), tmp_path / "gates") == EXIT_DONE


def squares(path: Path, side: int) -> Path:
    """A bank of even squares."""
    image = np.zeros((32, 32), np.float32)
    image[:side, :side] = 1 / side**2
    with h5py.File(path, "w") as file:
        file["templates"] = np.stack([image] * 120)
        file["pixel_scale_arcsec"] = np.full(120, 0.03)
        file["half_light_catalogue_arcsec"] = np.full(120, 0.1)
    return path


def test_a_bank_of_even_squares_fails_its_gates_and_another_bank_is_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few, bank = write_pairs(tmp_path / "few", {"train": 21}), squares(tmp_path / "bank.h5", 32)
    assert gate(few, tmp_path / "gates", "--bank", str(bank)) == EXIT_BREACH
    assert "2 fail" in (said := capsys.readouterr().out) and "(failed: bank_sizes, bank_noise)" in said
    rows = {row["gate"]: row for row in read_table(tmp_path / "gates" / "gates.parquet", GATES).to_pylist()}
    assert rows["bank_noise"]["value"] == pytest.approx(1.0)
    assert (rows["bank_noise"]["n_units"], rows["bank_noise"]["interval_unit"]) == (120, "object")
    assert gate(few, tmp_path / "gates", "--bank", str(squares(bank, 31))) == EXIT_BAD_INPUT
    assert "bank_sha256" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        (("--most", "0"), "--draws 40 --most 0 --seed 1; wanted at least one draw and one stamp"),
        (("--draws", "0"), "--draws 0"),
        (("--split", "test"), "holds 0 stamps files and 0 index files of split 'test'; wanted some"),
        (("--plan", "nowhere"), "nowhere"),
        (("--bank", "nowhere.h5"), "source bank nowhere.h5 is not there; make one with dhs source-bank"),
    ],
)
def test_what_cannot_be_asked_is_one_clear_error(
    directory: StampsDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], error: str
) -> None:
    assert gate(directory, tmp_path / "gates", *flags) == EXIT_BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dhs gate-data: error: ")
    assert error in line


def test_stamps_that_are_not_finished_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unfinished = write_pairs(tmp_path / "stamps", {"train": 4})
    (unfinished.stamps / FINISHED_NAME).unlink()
    assert gate(unfinished, tmp_path / "gates") == EXIT_BAD_INPUT
    assert "unfinished run" in capsys.readouterr().err
