"""``dhs gate-model``: what it writes, what it says, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import escape

import trainer.judge
from schemas.array_codec import decode_stamp, encode_stamp
from schemas.contract_files import read_table
from schemas.gates import GATES
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_BREACH, EXIT_DONE, run_job
from schemas.run_record import read_run, run_files
from schemas.survey import BANDS
from tests.synthetic_stamps import SIGMA, StampsDirectory, write_stamps_directory
from tests.trainer.drawn_judges import DrawnJudge
from tests.trainer.tiny_training import rewrite_stamps, small_stamps
from trainer import gate_model

PAIR_GATES = ("arc_suppressed", "pair_swap", "core_hidden", "core_alone")


@pytest.fixture(scope="module")
def out(rings: StampsDirectory, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("gates") / "gates"
    assert gate(rings, trained, where) == EXIT_DONE
    return where


def gate(directory: StampsDirectory, trained: Path, out: Path, *more: str) -> int:
    """The validation split unless said otherwise: 23 pairs, of which nothing can be said."""
    flags = ["--stamps", str(directory.stamps), "--checkpoint", str(trained / "best.pt"), "--out", str(out)]
    return run_job("gate-model", gate_model.main, [*flags, "--device", "cpu", "--draws", "20", "--split", "val", *more])


def rows(out: Path) -> dict[str, dict[str, Any]]:
    return {row["gate"]: row for row in read_table(out / "gates.parquet", GATES).to_pylist()}


def test_table_json_and_page_tell_the_same_verdicts(out: Path) -> None:
    table = read_table(out / "gates.parquet", GATES).to_pylist()
    content = json.loads((out / "gates.json").read_text(), parse_constant=lambda word: pytest.fail(f"{word} in gates.json"))
    page = (out / "gates.html").read_text("utf-8")
    assert [{name: row[name] for name in GATES.names} for row in content["gates"]] == table
    assert content["counts"] == {v: [row["verdict"] for row in table].count(v) for v in content["counts"]}
    names = [row["gate"] for row in table]
    assert len(set(names)) == len(names) and names[:4] == list(PAIR_GATES)
    for row in content["gates"]:
        assert f"{escape(row['title'])}: {row['verdict']}</h3>" in page
        assert all(drawing["uri"].startswith("data:image/") and drawing["alt"] for drawing in row["drawings"])
    threshold = content["of"]["threshold"]
    assert threshold["n_negative"] == 23 and threshold["false_positive_rate"] == pytest.approx(10 / 23)


def test_the_page_says_whose_network_was_asked_about_what(out: Path) -> None:
    page = (out / "gates.html").read_text("utf-8")
    assert "Is it lensing that this network sees?" in page
    for fact in ("synthetic, split val", "43.48% of 23 negatives", read_run(out)["settings"]["checkpoint"]):
        assert fact in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


def test_of_few_pairs_no_gate_on_pairs_gives_a_number(out: Path) -> None:
    found = rows(out)
    for name in (*PAIR_GATES, "arc_snr_curve", "arc_brightness", "orientation", "sub_pixel_shift", "psf_mismatch"):
        row = found[name]
        assert (row["verdict"], row["value"], row["low"], row["high"]) == ("not supported", None, None, None)
        assert row["why"].startswith("too few pairs: ")
    assert found["arc_suppressed"]["why"] == "too few pairs: 23; wanted 100"


def test_given_again_it_says_the_same_and_writes_nothing(
    rings: StampsDirectory, trained: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()}
    assert gate(rings, trained, out) == EXIT_DONE
    said = capsys.readouterr().out
    assert re.fullmatch(r"dhs gate-model: \d+ gates: (\d+ pass, )?\d+ not supported(, \d+ confounded)?; .*/gates\.html\n", said)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()} == before


def test_the_record_lists_the_files_and_counts_what_was_asked(out: Path) -> None:
    assert [entry["path"] for entry in read_run(out)["files"]] == ["gates.html", "gates.json", "gates.parquet"]
    assert run_files(out, GATES, under="gates.parquet") == [out / "gates.parquet"]
    assert read_run(out)["counts"] == {"stamps": 46, "pairs": 23}


def test_a_directory_of_other_settings_or_of_another_network_is_refused(
    rings: StampsDirectory, trained: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate(rings, trained, out, "--fpr", "0.2") == EXIT_BAD_INPUT
    assert "fpr" in capsys.readouterr().err
    (tmp_path / "best.pt").write_bytes((trained / "last.pt").read_bytes())
    assert gate(rings, tmp_path, out) == EXIT_BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dhs gate-model: error: ") and "checkpoint" in line


def test_two_networks_are_asked_as_a_committee(rings: StampsDirectory, trained: Path, tmp_path: Path) -> None:
    flags = ["--stamps", str(rings.stamps), "--checkpoint", str(trained / "best.pt"), str(trained / "last.pt")]
    flags += ["--out", str(tmp_path / "gates"), "--device", "cpu", "--draws", "20", "--split", "val", "--combine", "lowest"]
    assert run_job("gate-model", gate_model.main, flags) == EXIT_DONE
    assert re.fullmatch("[0-9a-f]{16}", read_run(tmp_path / "gates")["settings"]["checkpoint"])


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        (("--fpr", "0"), "--fpr 0.0; wanted a draw and a stamp or more, a seed of 0 or more, a rate between 0 and 1"),
        (("--fpr", "1"), "--fpr 1.0"),
        (("--most", "0"), "--most 0"),
        (("--draws", "0"), "--draws 0"),
        (("--seed", "-1"), "--seed -1"),
        (("--checkpoint", "nowhere.pt"), "nowhere.pt"),
    ],
)
def test_what_cannot_be_asked_is_one_clear_error(
    rings: StampsDirectory,
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...],
    error: str,
) -> None:
    assert gate(rings, trained, tmp_path / "gates", *flags) == EXIT_BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dhs gate-model: error: ") and error in line
    assert not (tmp_path / "gates").exists()


def test_stamps_of_another_size_than_the_network_knows_are_refused(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate(small_stamps(tmp_path / "stamps"), trained, tmp_path / "gates") == EXIT_BAD_INPUT
    assert "holds stamps of 16 pixels; the checkpoint was trained on 32" in capsys.readouterr().err


def test_a_split_without_negatives_is_refused_with_a_sentence(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_control(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"label": 1, "kind": "lens", "pair_id": None}

    directory = write_stamps_directory(tmp_path / "stamps", {"val": 24}, size=32, refused_pairs=1)
    rewrite_stamps(directory, "val", no_control)
    assert gate(directory, trained, tmp_path / "gates") == EXIT_BAD_INPUT
    assert "split 'val' has 0 negatives to set a threshold by; wanted 20 or more" in capsys.readouterr().err


def test_stamps_without_pairs_are_judged_by_what_needs_none(trained: Path, tmp_path: Path) -> None:
    directory = write_stamps_directory(tmp_path / "stamps", {"val": 24}, size=32, refused_pairs=1)
    rewrite_stamps(directory, "val", lambda row: row | {"pair_id": None})
    assert gate(directory, trained, tmp_path / "gates") == EXIT_DONE
    found = rows(tmp_path / "gates")
    for name in PAIR_GATES:
        assert (found[name]["verdict"], found[name]["value"]) == ("not supported", None)
        assert found[name]["why"] == "no pairs: no lens of this split has its own control in it"
    assert read_run(tmp_path / "gates")["counts"]["pairs"] == 0


def brighter_sky(row: dict[str, Any]) -> dict[str, Any]:
    """Lenses a fifth of a sigma above their controls, all over the stamp."""
    if row["reasons"] or row["label"] == 0:
        return row
    images = decode_stamp(row["stamp_npz"])
    lifted = {band: images[n] + np.float32(0.2 * SIGMA[band]) for n, band in enumerate(BANDS)}
    return row | {"stamp_npz": encode_stamp(lifted)}


def test_a_network_that_reads_the_sky_fails_and_the_closing_line_names_the_gates(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def cheater(*_: object) -> DrawnJudge:
        return DrawnJudge(lambda images, metadata: np.median(images[:, 1, :4, :4], axis=(1, 2)) / SIGMA["r"])

    monkeypatch.setattr(trainer.judge, "NetworkJudge", cheater)
    directory = write_stamps_directory(tmp_path / "stamps", {"val": 121}, size=32, refused_pairs=1, ring=0.05)
    rewrite_stamps(directory, "val", brighter_sky)
    assert gate(directory, trained, tmp_path / "gates") == EXIT_BREACH
    found = rows(tmp_path / "gates")
    # Pairs of these stamps do not share their noise, so what moves pixels between them says nothing; what scales the arc does.
    assert found["arc_brightness"]["verdict"] == found["occlusion"]["verdict"] == "fail"
    assert re.search(r"[1-9]\d* fail, .*\(failed: .*arc_brightness.*\); .*/gates\.html\n", capsys.readouterr().out)
    assert gate(directory, trained, tmp_path / "gates") == EXIT_BREACH  # finished already: the same end


def test_the_command_line_is_frozen() -> None:
    known = {flag for action in gate_model.build_parser()._actions for flag in action.option_strings}
    assert known >= {
        "--stamps",
        "--checkpoint",
        "--combine",
        "--out",
        "--split",
        "--most",
        "--fpr",
        "--draws",
        "--seed",
        "--device",
    }
