"""Scores file by file: resumed, shared, by committees, and of real galaxies; the same rows whichever way they came about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from schemas.array_codec import decode_stamp, encode_arrays
from schemas.contract_files import Provenance, read_table, write_table
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError
from schemas.run_record import RunError, RunIdentity, begin_run, finish_run, read_run
from schemas.scores import SCORES
from schemas.stamps import STAMPS
from schemas.survey import BANDS
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.tiny_training import small_stamps, spread_over_files, train_tiny, write_settings
from trainer import evaluate, score, scored_files
from trainer.checkpoint import checkpoint_hash
from trainer.committee import combined_logits
from trainer.cutout_catalogue import load_cutouts
from trainer.scored_files import shares

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    """Stamps whose test split lies in three files; read only."""
    directory = small_stamps(tmp_path_factory.mktemp("several"), size=32)
    spread_over_files(directory, "test", 3)
    return directory


@pytest.fixture(scope="module")
def networks(several: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three networks: of different seed, metadata, and input."""
    folder = tmp_path_factory.mktemp("networks")
    more = ["", "metadata_columns: [psf_fwhm_z_arcsec, psf_fwhm_r_arcsec]\n", "normalisation: {residual: azimuthal_median}\n"]
    found = []
    for n, text in enumerate(more):
        (folder / str(n)).mkdir()
        settings = write_settings(folder / str(n), epochs=1, more=text)
        train_tiny(several.stamps, folder / str(n) / "out", settings, "--seed", str(n))
        found.append(folder / str(n) / "out" / "best.pt")
    return found


def run(out: Path, checkpoints: list[Path], *more: Any) -> int:
    names = [str(path) for path in checkpoints]
    return score.main(["--checkpoint", *names, "--out", str(out), "--device", "cpu", "--workers", "0", *map(str, more)])


def logits(out: Path, split: str = "test") -> dict[str, float]:
    tables = [read_table(path, SCORES) for path in sorted((out / f"split={split}").glob("*.parquet"))]
    table = pa.concat_tables(tables)
    return dict(zip(table["task_id"].to_pylist(), table["logit"].to_pylist(), strict=True))


def test_each_stamps_file_has_a_scores_file_of_its_name_with_its_rows_in_order(
    several: StampsDirectory, networks: list[Path], tmp_path: Path
) -> None:
    run(tmp_path, networks[:1], "--stamps", several.stamps)
    stamps = sorted((several.stamps / "split=test").glob("*.parquet"))
    scores = sorted((tmp_path / "split=test").glob("*.parquet"))
    assert [path.name for path in scores] == [path.name for path in stamps] and len(scores) == 3
    for one, other in zip(stamps, scores, strict=True):
        rows = read_table(one, STAMPS, ["task_id", "reasons"]).to_pylist()
        assert read_table(other, SCORES)["task_id"].to_pylist() == [row["task_id"] for row in rows if row["reasons"] == 0]
    assert [entry["path"] for entry in read_run(tmp_path)["files"]] == [f"split=test/{path.name}" for path in stamps]


def test_a_run_that_was_cut_off_inside_a_file_keeps_the_files_that_stand_and_ends_the_same(
    several: StampsDirectory, networks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "whole", networks[:2], "--stamps", several.stamps)
    with monkeypatch.context() as patched:
        real, calls = scored_files._score_batch, iter(range(10))

        def cut(*arguments: Any) -> None:
            if next(calls) == 1:
                raise KeyboardInterrupt
            real(*arguments)

        patched.setattr(scored_files, "_score_batch", cut)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", networks[:2], "--stamps", several.stamps)
    (first,) = (tmp_path / "cut" / "split=test").glob("*.parquet")
    before = first.stat().st_mtime_ns
    run(tmp_path / "cut", networks[:2], "--stamps", several.stamps)
    assert first.stat().st_mtime_ns == before
    files = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.parquet")}
    assert len(files) == 9
    for name in files:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes(), name


def test_a_run_that_was_cut_off_before_its_record_only_writes_the_record(
    several: StampsDirectory, networks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, networks[:2], "--stamps", several.stamps)
    records = {path: path.read_text() for path in tmp_path.rglob("_run.json")}
    assert len(records) == 3
    (tmp_path / "_run.json").unlink()
    monkeypatch.setattr(scored_files, "_score_batch", lambda *_: pytest.fail("a stamp was scored again"))
    run(tmp_path, networks[:2], "--stamps", several.stamps)
    for path, text in records.items():
        assert json.loads(path.read_text()) | {"finished_utc": ""} == json.loads(text) | {"finished_utc": ""}


@given(
    st.dictionaries(st.integers(0, 99), st.integers(0, 1000), max_size=20),
    st.integers(1, 5),
)
def test_files_are_dealt_out_each_once_and_no_rank_has_a_whole_file_more_than_another(rows: dict[int, int], size: int) -> None:
    dealt = shares(rows, size)
    assert len(dealt) == size and sorted(number for numbers in dealt for number in numbers) == sorted(rows)
    loads = [sum(rows[number] for number in numbers) for numbers in dealt]
    assert max(loads) - min(loads) <= max(rows.values(), default=0)


def test_the_closing_line_says_where_stamps_are_of_another_recipe_than_the_network_saw(
    several: StampsDirectory, networks: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "same", networks[:1], "--stamps", several.stamps)
    assert "another recipe" not in capsys.readouterr().out
    content = torch.load(networks[0], weights_only=True)
    content["origin"]["recipe_hash"] = "0" * 16
    torch.save(content, tmp_path / "other.pt")
    run(tmp_path / "other", [tmp_path / "other.pt"], "--stamps", several.stamps)
    assert "(the stamps are of another recipe, " in capsys.readouterr().out


def test_a_committee_combines_what_each_member_says_alone_with_its_own_preparation(
    several: StampsDirectory, networks: list[Path], tmp_path: Path
) -> None:
    alone = []
    for n, network in enumerate(networks):
        run(tmp_path / str(n), [network], "--stamps", several.stamps)
        alone.append(logits(tmp_path / str(n)))
    run(tmp_path / "all", networks, "--stamps", several.stamps, "--combine", "mean-probability")
    together = logits(tmp_path / "all")
    for name, value in together.items():
        wanted = combined_logits(np.array([[one[name]] for one in alone], np.float64), "mean-probability")[0]
        assert value == pytest.approx(wanted, abs=1e-5)
    for n, network in enumerate(networks):
        own = tmp_path / "all" / "members" / checkpoint_hash(network)
        assert logits(own) == alone[n]
        assert evaluate.main(["--scores", str(own), "--out", str(tmp_path / "m.json"), "--draws", "10"]) == 0
    assert evaluate.main(["--scores", str(tmp_path / "all"), "--out", str(tmp_path / "m.json"), "--draws", "10"]) == 0
    record = read_run(tmp_path / "all")
    assert record["rows"] == len(together) == 14 and record["checkpoint_hash"] not in {
        checkpoint_hash(path) for path in networks
    }


def test_the_order_in_which_members_are_named_changes_nothing(
    several: StampsDirectory, networks: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, networks, "--stamps", several.stamps)
    run(tmp_path, networks[::-1], "--stamps", several.stamps)
    assert "finished; nothing to do" in capsys.readouterr().out
    with pytest.raises(RunError, match=r"'combine': 'median-logit'.* and is now .*'combine': 'lowest'"):
        run(tmp_path, networks, "--stamps", several.stamps, "--combine", "lowest")


def write_cutouts(directory: Path, stamps: Path, change: Any = lambda row: row) -> Path:
    """The stamps of the test split as if they were cutouts of real galaxies."""
    identity = RunIdentity("cut_hosts", "test")
    begin_run(directory, identity)
    rows = []
    for path in sorted((stamps / "split=test").glob("*.parquet")):
        for stamp in read_table(path, STAMPS).to_pylist():
            row: dict[str, Any] = {name: stamp.get(name) for name in CUTOUTS.names} | {"bands": "grz"}
            row["host_id"] = stamp["task_id"]
            if stamp["stamp_npz"] is not None:
                planes = decode_stamp(stamp["stamp_npz"])
                arrays = {f"image_{band}": plane for band, plane in zip(BANDS, planes, strict=True)}
                row["cutout_npz"] = encode_arrays(arrays | {"maskbits": np.zeros(planes.shape[1:], np.int32)})
            rows.append(change(row))
    files = []
    for n in range(2):
        files.append(directory / f"part-{n}.parquet")
        table = pa.Table.from_pylist(rows[n::2], CUTOUTS.arrow_schema())
        write_table(files[-1], table, CUTOUTS, Provenance("test"))
    finish_run(directory, identity, files, {}, {})
    return directory


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


def test_what_cannot_be_scored_together_is_refused(several: StampsDirectory, networks: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 checkpoints were given, 1 of them different; wanted each once"):
        run(tmp_path / "out", [networks[0], networks[0]], "--stamps", several.stamps)
    with pytest.raises(InputError, match="--split was given with --cutouts, which have no splits"):
        run(tmp_path / "out", networks[:1], "--cutouts", several.stamps, "--split", "val")
    with pytest.raises(SystemExit):
        run(tmp_path / "out", networks[:1])
    other = small_stamps(tmp_path / "data", size=16)
    train_tiny(other.stamps, tmp_path / "small", write_settings(tmp_path, epochs=1))
    with pytest.raises(InputError, match=r"trained on stamps of 16, 32 pixels; wanted one size"):
        run(tmp_path / "out", [networks[0], tmp_path / "small" / "best.pt"], "--stamps", several.stamps)


@pytest.mark.slow
def test_two_processes_share_the_files_and_write_the_same_scores(
    several: StampsDirectory, networks: list[Path], tmp_path: Path
) -> None:
    run(tmp_path / "one", networks[:2], "--stamps", several.stamps)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "trainer.score"]
    command += ["--checkpoint", *map(str, networks[:2]), "--stamps", str(several.stamps), "--out", str(tmp_path / "two")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--device", "cpu", "--workers", "0"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("dhs score:") == 1
    names = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.parquet")}
    assert names == {path.relative_to(tmp_path / "two") for path in (tmp_path / "two").rglob("*.parquet")} and len(names) == 9
    for name in names:
        assert read_table(tmp_path / "one" / name, SCORES).equals(read_table(tmp_path / "two" / name, SCORES)), name
