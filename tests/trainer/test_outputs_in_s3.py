"""Each job of the trainer with every place in S3: what it writes on disk, each file whole, and ``_run.json`` last of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import h5py
import numpy as np
import pytest
from astropy.table import Table

from schemas.contract_files import read_table
from schemas.finished_files import size_and_sha256
from schemas.job_entry import EXIT_BREACH, EXIT_DONE, InputError
from schemas.locations import location
from schemas.run_record import FINISHED_NAME, STARTED_NAME, read_run
from schemas.stamps import STAMP_INDEX
from tests.s3_store import BUCKET, S3Store
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.adopting.foreign_files import images_of, sky_header, write_cube, write_foreign
from tests.trainer.autopsies.planted_anchors import Cause, write_planted
from tests.trainer.gate_stamps import write_pairs
from tests.trainer.gates_runs import write_gates
from tests.trainer.real_lens_runs import PLACES, write_set
from tests.trainer.report_runs import metrics, write_json, write_log, write_scores
from tests.trainer.tiny_training import train_tiny, write_settings
from trainer import (
    adopt,
    anchors,
    autopsy,
    check_anchors,
    completeness,
    evaluate,
    gate_data,
    gate_model,
    report,
    score,
    select_candidates,
    show,
)

GATES_FILES = ["gates.html", "gates.json", "gates.parquet"]
Main = Callable[[Sequence[str] | None], int]


@pytest.fixture(autouse=True)
def nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No job makes a folder of an address."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not Path("s3:").exists()


def put_since(s3: S3Store, request: int) -> list[str]:
    """Keys of the objects that were written, in order."""
    paths = [path for method, path in s3.requests()[request:] if method == "PUT"]
    return [unquote(path.partition("?")[0]).removeprefix(f"{BUCKET}/") for path in paths]


def finished(s3: S3Store, main: Main, out: str, *words: object) -> list[dict[str, Any]]:
    """The files of the record of a run, which went up before it, each as it says; told again, the job writes nothing."""
    arguments, key, begun = [*map(str, words), "--out", out], out.removeprefix(f"s3://{BUCKET}/"), len(s3.requests())
    code = main(arguments)
    assert code in (EXIT_DONE, EXIT_BREACH)
    put = put_since(s3, begun)
    files: list[dict[str, Any]] = read_run(location(out))["files"]
    assert (put[0], put[-1]) == (f"{key}/{STARTED_NAME}", f"{key}/{FINISHED_NAME}") and put.count(put[-1]) == 1
    assert len(put) == len(set(put)) and {f"{key}/{entry['path']}" for entry in files} <= set(put)
    for entry in files:
        assert size_and_sha256(location(f"{out}/{entry['path']}")) == (entry["bytes"], entry["sha256"])
    begun = len(s3.requests())
    assert main(arguments) == code
    assert put_since(s3, begun) == []
    return files


def test_anchors_and_their_integrity(s3: S3Store, tmp_path: Path) -> None:
    here = tmp_path / "here"
    write_set(here, dict(list(PLACES.items())[5:15]), moved=())
    there = f"s3://{BUCKET}/anchors"
    listed = s3.put_bytes("anchors/list.csv", (here / "list.csv").read_bytes())
    assert finished(s3, anchors.main, f"{there}/anchors", "--table", listed) == read_run(here / "anchors")["files"]
    sky = finished(s3, anchors.main, f"{there}/sky", "--random-sky", f"{there}/anchors")
    assert sky == read_run(here / "sky")["files"]
    words = ["--anchors", f"{there}/anchors", "--cutouts", s3.put(here / "cutouts", "anchors/cutouts")]
    words += ["--random-sky", s3.put(here / "sky_cutouts", "anchors/sky_cutouts")]
    checked = finished(s3, check_anchors.main, f"{there}/integrity", *words)
    assert checked == read_run(here / "integrity")["files"]


def test_a_list_that_astropy_reads_and_what_its_columns_are(s3: S3Store, tmp_path: Path) -> None:
    Table({"Lens": ["a", "b"], "RAJ2000": [150.0, 151.0], "DEJ2000": [2.0, 3.0]}).write(tmp_path / "list.ecsv")
    table = s3.put_bytes("ecsv/list.ecsv", (tmp_path / "list.ecsv").read_bytes())
    columns = s3.put_bytes("ecsv/columns.yaml", b"{columns: {name: Lens}, same_for_all: {discovery: spectroscopy}}")
    words = ["--table", table, "--columns", columns]
    assert [entry["rows"] for entry in finished(s3, anchors.main, f"s3://{BUCKET}/ecsv/anchors", *words)] == [2]
    with pytest.raises(InputError, match=r"table s3://darkhaloscope/ecsv/none\.csv is not there"):
        anchors.main(["--table", f"s3://{BUCKET}/ecsv/none.csv", "--out", f"s3://{BUCKET}/ecsv/none"])


def chain(at: str, stamps: object, networks: Sequence[object]) -> list[tuple[Main, str, list[object]]]:
    """Jobs from scores on, where each writes and what it reads."""
    read: list[object] = ["--scores", f"{at}/scores", "--stamps", stamps]
    return [
        (score.main, f"{at}/scores", ["--checkpoint", *networks, "--stamps", stamps, "--device", "cpu", "--workers", 0]),
        (completeness.main, f"{at}/complete", [*read, "--threshold", 0]),
        (select_candidates.main, f"{at}/select", [*read, "--top", 3]),
    ]


def test_scores_and_all_that_is_made_of_them(
    s3: S3Store, several: StampsDirectory, networks: list[Path], tmp_path: Path
) -> None:
    there, stamps = f"s3://{BUCKET}/chain", s3.put(several.stamps, "chain/stamps")
    known = [s3.put_bytes(f"chain/{n}.pt", network.read_bytes()) for n, network in enumerate(networks[:2])]
    jobs = zip(chain(str(tmp_path), several.stamps, networks[:2]), chain(there, stamps, known), strict=True)
    for (main, here, words), (_, out, addresses) in jobs:
        assert main([*map(str, words), "--out", here]) == 0
        assert finished(s3, main, out, *addresses) == read_run(Path(here))["files"]
    task = read_table(several.stamps / "index" / "split-test.parquet", STAMP_INDEX)["task_id"][0].as_py()
    for at, of in ((str(tmp_path), str(several.stamps)), (there, stamps)):
        words = ["--scores", f"{at}/scores", "--stamps", of, "--draws", "10", "--out", f"{at}/metrics.json"]
        assert evaluate.main(words) == 0
        assert show.main([task, of, "--out", f"{at}/one.png"]) == 0
    for name in ("metrics.json", "one.png"):
        assert location(f"{there}/{name}").read_bytes() == (tmp_path / name).read_bytes()


def test_a_report_of_inputs_in_s3_is_one_whole_page_there(s3: S3Store, several: StampsDirectory, tmp_path: Path) -> None:
    at, own = f"s3://{BUCKET}/report", tmp_path
    write_gates(several, location(f"{at}/gates"))  # type: ignore[arg-type]
    words = ["--stamps", s3.put(several.stamps, "report/stamps"), "--plan", s3.put(several.plan, "report/plan")]
    words += ["--scores", s3.put(write_scores(several, own / "scores"), "report/scores"), "--gates", f"{at}/gates"]
    words += ["--metrics", s3.put_bytes("report/m.json", write_json(own / "m.json", metrics()).read_bytes())]
    words += ["--checkpoint-log", s3.put_bytes("report/log.jsonl", write_log(own / "log.jsonl").read_bytes())]
    assert report.main([*words, "--examples", "2", "--out", f"{at}/report.html"]) == 0
    page = location(f"{at}/report.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>") and page.count("<img ") > 10


def test_adopted_stamps_go_on_from_what_stands(s3: S3Store, tmp_path: Path) -> None:
    theirs = write_foreign(tmp_path / "theirs", {"train": 6, "test": 3}, 8, files=2)
    words = ["--stamps", theirs, "--size", 8, "--workers", 1]
    assert adopt.main([*map(str, words), "--out", str(tmp_path / "here")]) == 0
    files = finished(s3, adopt.main, f"s3://{BUCKET}/adopted/stamps", *words)
    assert files == read_run(tmp_path / "here")["files"] and len(files) == 6
    lost = "split=train/adopted-00002.parquet"
    for name in (lost, FINISHED_NAME):
        s3.file_system().delete_file(f"{BUCKET}/adopted/stamps/{name}")
    begun = len(s3.requests())
    assert adopt.main([*map(str, words), "--out", f"s3://{BUCKET}/adopted/stamps"]) == 0
    again = put_since(s3, begun)
    assert [path for path in again if "/split=" in path] == [f"adopted/stamps/{lost}"] and again[-1].endswith(FINISHED_NAME)
    assert read_run(location(f"s3://{BUCKET}/adopted/stamps"))["files"] == files


def test_adopted_anchors_and_what_is_no_checkpoint(s3: S3Store, tmp_path: Path) -> None:
    planes = images_of(1)
    for name, ra in (("one", 150.0), ("two", 151.0)):
        write_cube(tmp_path / "cubes" / f"{name}.fits", np.stack(list(planes.values())), sky_header(ra, 2.0))
    catalogue = s3.put_bytes("known/list.csv", b"name,ra_deg,dec_deg,psfsize_r\none,150.0,2.0,1.1\ntwo,151.0,2.0,1.2\n")
    out = f"s3://{BUCKET}/known/out"
    words = ["--anchors", str(tmp_path / "cubes"), "--catalogue", catalogue, "--out", out]
    assert adopt.main(words) == 0
    assert [read_run(location(f"{out}/{name}"))["rows"] for name in ("anchors", "cutouts")] == [2, 2]
    with pytest.raises(InputError, match="known holds files of something else; wanted an empty directory"):
        adopt.main([*words[:-1], f"s3://{BUCKET}/known"])
    with pytest.raises(InputError, match=r"s3://darkhaloscope/known/list\.csv does not load without running code"):
        adopt.main(["--checkpoint", catalogue, "--out", f"s3://{BUCKET}/known/adopted.pt"])
    with pytest.raises(InputError, match="is the checkpoint itself"):
        adopt.main(["--checkpoint", catalogue, "--out", catalogue])


def test_gates_and_an_autopsy(s3: S3Store, tmp_path: Path) -> None:
    made = write_pairs(tmp_path / "made", {"train": 12, "val": 6, "test": 25})
    settings = write_settings(tmp_path, backbone="resnet10", epochs=1)
    assert train_tiny(made.stamps, tmp_path / "training", settings) == 0
    real = write_planted(tmp_path / "real", Cause())
    integrity = s3.put(real.integrity(tmp_path / "integrity"), "gates/integrity")
    with h5py.File(tmp_path / "bank.h5", "w") as file:
        file["templates"] = np.random.default_rng(1).random((4, 16, 16))
        file["pixel_scale_arcsec"] = file["half_light_catalogue_arcsec"] = np.full(4, 0.1)
    stamps, plan = s3.put(made.stamps, "gates/stamps"), s3.put(made.plan, "gates/plan")
    bank = s3.put_bytes("gates/bank.h5", (tmp_path / "bank.h5").read_bytes())
    network = s3.put_bytes("gates/best.pt", (tmp_path / "training" / "best.pt").read_bytes())
    cutouts = s3.put(real.cutouts, "gates/cutouts")
    of_data = ["--stamps", stamps, "--plan", plan, "--bank", bank, "--draws", 5]
    data = finished(s3, gate_data.main, f"s3://{BUCKET}/gates/data", *of_data)
    of_model = ["--stamps", stamps, "--checkpoint", network, "--device", "cpu", "--draws", 5, "--integrity", integrity]
    model = finished(s3, gate_model.main, f"s3://{BUCKET}/gates/model", *of_model, "--anchor-cutouts", cutouts)
    assert [entry["path"] for entry in data] == [entry["path"] for entry in model] == GATES_FILES
    of_model += ["--anchor-cutouts", cutouts, "--anchors", s3.put(real.anchors, "gates/anchors")]
    of_model += ["--random-sky-cutouts", s3.put(real.random_sky, "gates/sky")]
    dissected = finished(s3, autopsy.main, f"s3://{BUCKET}/gates/autopsy", *of_model)
    assert [entry["path"] for entry in dissected] == ["autopsy.html", "autopsy.json"]
