"""``dhs autopsy``: what it writes of anchors with a planted cause, what it says, and how it ends on bad input."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_DONE, run_job
from schemas.run_record import read_run
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.autopsies.planted_anchors import CAUSES, AnchorPlaces, Cause, write_planted
from tests.trainer.gate_stamps import write_pairs
from tests.trainer.tiny_training import rewrite_stamps, train_tiny, write_settings
from trainer import autopsy

PARTS = [
    "recall",
    "causes",
    "central_maximum",
    "outer_background",
    "normalisation",
    "normalised_means",
    "correlations",
    "arc_signal",
    "ring_test",
    "scorers",
]


@pytest.fixture(scope="module")
def stamps(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    return write_pairs(tmp_path_factory.mktemp("stamps"), {"train": 12, "val": 6, "test": 25})


@pytest.fixture(scope="module")
def network(stamps: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    assert train_tiny(stamps.stamps, folder / "out", write_settings(folder, backbone="resnet10", epochs=1)) == 0
    return folder / "out" / "best.pt"


def dissect(stamps: StampsDirectory, network: Path, out: Path, *more: str) -> int:
    flags = [
        "--stamps",
        str(stamps.stamps),
        "--checkpoint",
        str(network),
        "--out",
        str(out),
        "--device",
        "cpu",
        "--draws",
        "40",
    ]
    return run_job("autopsy", autopsy.main, [*flags, *more])


def of_real(places: AnchorPlaces, integrity: Path) -> list[str]:
    given = {"--anchors": places.anchors, "--anchor-cutouts": places.cutouts, "--integrity": integrity}
    given |= {"--random-sky-cutouts": places.random_sky}
    return [word for option, path in given.items() for word in (option, str(path))]


def parts(out: Path) -> dict[str, Any]:
    text = (out / "autopsy.json").read_text("utf-8")
    content: dict[str, Any] = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in autopsy.json"))
    return content["parts"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> AnchorPlaces:
    return write_planted(tmp_path_factory.mktemp("good"), Cause())


@pytest.fixture(scope="module")
def good_integrity(good: AnchorPlaces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return good.integrity(tmp_path_factory.mktemp("checked") / "integrity")


@pytest.fixture(scope="module")
def out(
    stamps: StampsDirectory, network: Path, good: AnchorPlaces, good_integrity: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    where = tmp_path_factory.mktemp("autopsy") / "out"
    assert dissect(stamps, network, where, *of_real(good, good_integrity)) == EXIT_DONE
    return where


def test_every_part_stands_in_the_file_and_on_the_page_with_intervals_and_objects(out: Path) -> None:
    found = parts(out)
    assert list(found) == PARTS
    page = (out / "autopsy.html").read_text("utf-8")
    for key, part in found.items():
        assert f'<section id="{key}">' in page and f'<a href="#{key}">' in page
        for one in part["findings"]:
            assert one["n"] >= 0 and one["n_units"] <= max(one["n"], 1)
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert '="data:image/png' in page and 'alt=""' not in page


def test_recall_of_a_good_set_is_given_and_nothing_is_said_to_be_wrong_with_it(out: Path) -> None:
    found = parts(out)
    names = {one["name"] for one in found["recall"]["findings"]}
    assert found["recall"]["accepted"] is True and {"all.all lenses.p ≥ 0.5", "chance.random sky.p ≥ 0.5"} <= names
    verdicts = found["causes"]["verdicts"]["anchors/negatives"]
    assert "supported" not in verdicts.values()


def test_the_failed_experiments_figures_stand_beside_ours(out: Path) -> None:
    figures = {one["name"]: one["failed_experiment"] for part in parts(out).values() for one in part["findings"]}
    assert figures["anchors.mean"] == "0.0099 ± 0.0050" and figures["all.all lenses.p ≥ 0.3"] == "12 of 68: 0.176"
    assert figures["median.after"] == "1.0000"
    assert "0.0099 ± 0.0050" in (out / "autopsy.html").read_text("utf-8")


def test_the_planted_cause_is_named_in_the_file_on_the_page_and_in_the_closing_line(
    stamps: StampsDirectory, network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = write_planted(tmp_path / "planted", CAUSES["position"])
    checked = planted.integrity(tmp_path / "integrity")
    capsys.readouterr()
    assert dissect(stamps, network, tmp_path / "out", *of_real(planted, checked)) == EXIT_DONE
    verdicts = parts(tmp_path / "out")["causes"]["verdicts"]["anchors/negatives"]
    assert {name for name, word in verdicts.items() if word == "supported"} == {"position"}
    said = capsys.readouterr().out
    assert "no recall: the anchors were not accepted" in said and "anchors/negatives: position" in said
    assert "Supported: position" in (tmp_path / "out" / "autopsy.html").read_text("utf-8")


def test_given_again_it_says_the_same_and_writes_nothing(
    stamps: StampsDirectory,
    network: Path,
    good: AnchorPlaces,
    good_integrity: Path,
    out: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()}
    capsys.readouterr()
    assert dissect(stamps, network, out, *of_real(good, good_integrity)) == EXIT_DONE
    assert re.fullmatch(r"dhs autopsy: recall given; brightness differs by .*; .*/autopsy\.html\n", capsys.readouterr().out)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()} == before
    assert read_run(out)["counts"] == {"lenses": 24, "negatives": 24, "anchors": 40, "random sky": 40}


def test_without_anchors_the_page_says_what_to_give(stamps: StampsDirectory, network: Path, tmp_path: Path) -> None:
    assert dissect(stamps, network, tmp_path / "out", "--split", "val") == EXIT_DONE
    found = parts(tmp_path / "out")
    assert not found["recall"]["findings"] and "give --anchors" in found["recall"]["absent"][0]
    assert list(found["causes"]["verdicts"]) == ["negatives/lenses"]
    assert "give anchors, eight or more" in found["normalised_means"]["absent"][0]


def test_a_set_of_anchors_comes_whole_or_not_at_all(
    stamps: StampsDirectory, network: Path, good: AnchorPlaces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dissect(stamps, network, tmp_path / "out", "--anchors", str(good.anchors)) == EXIT_BAD_INPUT
    assert "real lenses were given without --anchor-cutouts, --integrity; wanted all of them or none" in capsys.readouterr().err
    assert dissect(stamps, network, tmp_path / "out", "--random-sky-cutouts", str(good.random_sky)) == EXIT_BAD_INPUT
    assert "without --anchors, --anchor-cutouts, --integrity" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_anchors_of_another_table_are_refused_with_both_named(
    stamps: StampsDirectory, network: Path, good: AnchorPlaces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_planted(tmp_path / "other", Cause(fainter_mag=0.1))
    checked = other.integrity(tmp_path / "integrity")
    capsys.readouterr()
    assert dissect(stamps, network, tmp_path / "out", *of_real(good, checked)) == EXIT_BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert "wanted the integrity of these anchors: run dhs check-anchors on them" in line and str(checked) in line


def test_stamps_of_another_size_are_refused(
    rings: StampsDirectory, network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dissect(rings, network, tmp_path / "out") == EXIT_BAD_INPUT
    assert "holds stamps of 32 pixels; the checkpoint was trained on 64" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_stamps_of_one_class_are_refused(network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = write_pairs(tmp_path / "stamps", {"test": 5})
    rewrite_stamps(directory, "test", lambda row: row | {"label": 1, "kind": "lens", "pair_id": None})
    assert dissect(directory, network, tmp_path / "out") == EXIT_BAD_INPUT
    assert "has 8 lenses and 0 negatives that can be read; wanted both" in capsys.readouterr().err


@pytest.mark.parametrize(("flag", "value"), [("--draws", "0"), ("--most", "0"), ("--seed", "-1"), ("--checkpoint", "no.pt")])
def test_what_cannot_be_asked_is_one_clear_error(
    stamps: StampsDirectory, network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, value: str
) -> None:
    assert dissect(stamps, network, tmp_path / "out", flag, value) == EXIT_BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dhs autopsy: error: ") and value in line
