"""dhs show: one stamp with its picture, parameters, host and pair, and how to make it again; or why it cannot be shown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_DONE, run_job
from schemas.run_record import FINISHED_NAME, read_run
from schemas.runs_there import runs_there
from schemas.stamps import STAMPS
from schemas.task_search import find_task, stamp_row
from tests.s3_store import S3Store
from tests.synthetic_stamps import StampsDirectory
from trainer import show
from trainer.shown_task import described, draw_task, refusals

Printed = pytest.CaptureFixture[str]


def name_of(pair: int, label: int, shard: int = 0) -> str:
    return f"{shard:04d}{pair:08d}{label:020d}"


LENS, CONTROL = name_of(3, 1), name_of(3, 0)


def shown(*words: object) -> int:
    return run_job("show", show.main, [str(word) for word in words])


def coloured(path: Path) -> np.ndarray[Any, Any]:
    """Which pixels of a picture are neither white nor black."""
    picture = imread(path)[..., :3]
    return np.asarray((picture.min(axis=2) < 0.95) & (picture.max(axis=2) > 0.05))


@pytest.fixture
def run(stamps_directory: StampsDirectory, tmp_path: Path) -> Path:
    """A folder with plan and stamps that a test may change."""
    shutil.copytree(stamps_directory.plan, tmp_path / "run" / "plan")
    shutil.copytree(stamps_directory.stamps, tmp_path / "run" / "stamps")
    return tmp_path / "run"


def set_record(run: Path, **changes: Any) -> None:
    (run / "stamps" / FINISHED_NAME).write_text(json.dumps(read_run(run / "stamps") | changes))


def test_a_lens_is_shown_with_parameters_host_pair_and_picture(run: Path, tmp_path: Path, capsys: Printed) -> None:
    out = tmp_path / "pictures" / "lens.png"
    assert shown(LENS, run, "--out", out) == EXIT_DONE
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert [line for line in lines if not line.startswith(" ")][:-1] == [
        *(
            "identity",
            "host",
            "lens",
            "source",
            "how it was drawn",
            "what is seen",
            "state",
            "pair",
            "made by",
            "to make it again",
        )
    ]
    words = [line.split() for line in lines]
    for line in (["task_id", LENS], ["host_id", "9010-0-3"], ["mag_raw_r", "18.6", "mag"], ["sigma_v_kms", "230", "km/s"]):
        assert line in words
    assert [CONTROL, "control,", "made"] in words
    assert "  made" in lines
    assert lines[-1] == f"dhs show: {LENS}: row 6 of {run}/stamps/split=train/shard-00000-5ca1ab1e.parquet; picture in {out}"
    thirds = np.array_split(coloured(out), 3, axis=1)
    assert all(third.sum() > 500 for third in thirds)  # the stamp, its pair, and what was added


def test_a_lens_and_its_control_are_drawn_with_the_same_arc_beside_them(run: Path, tmp_path: Path) -> None:
    for name in (LENS, CONTROL):
        assert shown(name, run, "--out", tmp_path / f"{name}.png") == EXIT_DONE
    lens, control = (imread(tmp_path / f"{name}.png")[110:] for name in (LENS, CONTROL))
    width = lens.shape[1]
    third = slice(2 * width // 3 + 12, None)
    assert np.array_equal(lens[:, third], control[:, third])
    assert not np.array_equal(lens[:, : width // 3], control[:, : width // 3])


def test_a_refused_task_is_told_with_its_reasons_and_has_no_picture(
    run: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(name_of(39, 0), run) == EXIT_DONE
    printed = capsys.readouterr().out
    assert "  refused: MASKED_PIXELS, more masked pixels in the stamp than allowed, or one at its centre\n" in printed
    assert "  refused: PARTNER_REFUSED, the other half of the pair was refused\n" in printed
    assert f"  {name_of(39, 1)}  lens, refused: MASKED_PIXELS\n" in printed
    assert "dhs show: " + name_of(39, 0) + " is refused and has no picture; row 79 of " in printed
    assert not list(tmp_path.glob("*.png"))


def test_the_picture_is_named_after_the_task_where_nothing_else_is_said(
    run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(LENS[:31] + "1", run / "stamps") == EXIT_DONE
    assert (tmp_path / f"{LENS}.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_that_makes_a_stamp_again_is_told_where_the_record_knows_what_it_was_made_from(
    run: Path, tmp_path: Path, capsys: Printed
) -> None:
    assert shown(LENS, run, "--out", tmp_path / "x.png") == EXIT_DONE
    assert "  not possible: stamps was not made by dhs inject here\n" in capsys.readouterr().out
    set_record(run, settings={"plan_sha256": {"a": "b"}, "bank_sha256": "c"})
    assert shown(LENS, run, run / "plan", "--out", tmp_path / "x.png") == EXIT_DONE
    printed = capsys.readouterr().out
    again = "to make it again (plan and cutouts among the directories)"
    assert f"{again}\n  dhs replay {LENS} {run} {run}/plan --bank BANK.h5\n" in printed
    assert "  recipe_name                  synthetic\n" in printed
    (run / "cosmos.h5").touch()  # dhs replay looks among the directories for the bank of the right content
    assert shown(LENS, run, "--out", tmp_path / "x.png") == EXIT_DONE
    with_bank = again.replace("plan and cutouts", "plan, cutouts and the right bank")
    assert f"{with_bank}\n  dhs replay {LENS} {run}\n" in capsys.readouterr().out
    set_record(run, settings={"plan_sha256": {"a": "b"}, "bank_sha256": None})
    assert shown(LENS, run, "--out", tmp_path / "x.png") == EXIT_DONE
    assert f"{again}\n  dhs replay {LENS} {run}\n" in capsys.readouterr().out


def test_a_folder_of_this_machine_is_no_bank_of_an_address(
    s3: S3Store, run: Path, tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_record(run, settings={"plan_sha256": {"a": "b"}, "bank_sha256": "c"})
    stamps = s3.put(run / "stamps", "shown/stamps")
    (tmp_path / stamps).mkdir(parents=True)
    (tmp_path / stamps / "cosmos.h5").touch()
    monkeypatch.chdir(tmp_path)
    assert shown(LENS, stamps, "--out", tmp_path / "x.png") == EXIT_DONE
    assert f"\n  dhs replay {LENS} {stamps} --bank BANK.h5\n" in capsys.readouterr().out


def test_a_stamp_without_a_made_partner_stands_alone(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    task = find_task(LENS, runs_there([stamps_directory.stamps]))
    draw_task(stamp_row(task.run, task.index), None, tmp_path / "x.png")
    draw_task(stamp_row(task.run, task.index), None, tmp_path / "y.png")
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "y.png").read_bytes()
    height, width = imread(tmp_path / "x.png").shape[:2]
    assert width < height


def test_a_partner_is_the_made_one_of_the_other_label(stamps_directory: StampsDirectory) -> None:
    (run,) = runs_there([stamps_directory.stamps])
    lens, control = (find_task(name, [run]).index for name in (LENS, CONTROL))
    assert (show._partner(run, lens, [control]) or {})["task_id"] == CONTROL
    assert (show._partner(run, control, [lens]) or {})["task_id"] == LENS
    assert show._partner(run, lens, [control | {"reasons": 4}]) is None
    assert show._partner(run, lens, [control | {"label": 1}]) is None
    assert show._partner(run, lens, []) is None


def test_every_column_of_the_contract_is_told_but_pixels_and_reasons() -> None:
    kinds: dict[str, Any] = {"string": "word", "float64": 0.5, "int16": 1, "int32": 3, "int64": 5, "binary": b"x"}
    row = {column.name: kinds[column.type] for column in STAMPS} | {"reasons": 0}
    told = [line.split()[0] for line in described(row, []).splitlines() if line.startswith("  ")]
    assert sorted(told) == sorted([*(set(STAMPS.names) - {"reasons", "stamp_npz"}), "made"])


def test_an_unknown_reason_is_told_by_its_bit() -> None:
    assert refusals(1 << 40) == ["UNKNOWN_BIT_40, no published meaning"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["e" * 32, "RUN"], "no task " + "e" * 32 + " among the 160 rows of stamps"),
        (["../../x", "RUN"], "'../../x' is no task_id; wanted one such as 03f2a91c"),
        (["000000", "RUN"], "80 rows have a task_id that begins with 000000: "),
        ([LENS, "RUN/plan"], "none of the directories holds stamps; wanted one that dhs inject or dhs adopt filled"),
        ([LENS, "RUN/nowhere"], "nowhere is not a directory; wanted a finished run"),
        ([LENS, "RUN/empty"], "empty holds no finished run: _run.json is neither in it nor in a folder of it"),
        ([LENS, "RUN/half"], "half holds an unfinished run: _run.json is not there"),
        ([LENS, "RUN", "--out", "x.gif"], "--out x.gif; wanted a file ending in .png"),
    ],
)
def test_what_cannot_be_shown_is_told_in_one_sentence(run: Path, words: list[str], said: str, capsys: Printed) -> None:
    (run / "empty").mkdir()
    shutil.copytree(run / "stamps", run / "half")
    (run / "half" / FINISHED_NAME).unlink()
    assert shown(*(word.replace("RUN", str(run)) for word in words)) == EXIT_BAD_INPUT
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith("dhs show: error: ")
    assert said in printed.err
