"""dhs replay: a stamp made again is the same, what differs is named, and one sentence for what cannot be made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from schemas.array_codec import decode_stamp, encode_stamp
from schemas.contract_files import Provenance, read_table, write_table
from schemas.finished_files import describe_file
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_BREACH, EXIT_DONE, run_job
from schemas.run_record import FINISHED_NAME, read_run, run_files
from schemas.stamps import STAMPS
from schemas.survey import BANDS
from spark_jobs import replay
from tests.s3_store import S3Store
from tests.spark_jobs.small_replay import ReplayRuns, make_replay_runs, task_id

Printed = pytest.CaptureFixture[str]
LENS = task_id("1", "lens")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ReplayRuns:
    """Read only."""
    return make_replay_runs(tmp_path_factory.mktemp("replay"))


@pytest.fixture
def runs(made: ReplayRuns, tmp_path: Path) -> ReplayRuns:
    """A copy that a test may change."""
    return ReplayRuns(Path(shutil.copytree(made.root, tmp_path / "run")))


def replayed(*words: object) -> int:
    return run_job("replay", replay.main, [str(word) for word in words])


def change_stamp(runs: ReplayRuns, **changes: Any) -> None:
    """Write the stamps file anew with columns of the lens changed; record in step, index as it was."""
    (path,) = run_files(runs.root / "stamps", STAMPS, "split=")
    rows = [row | (changes if row["task_id"] == LENS else {}) for row in read_table(path, STAMPS).to_pylist()]
    write_table(path, pa.Table.from_pylist(rows, STAMPS.arrow_schema()), STAMPS, Provenance("changed"))
    set_record(
        runs,
        files=[describe_file(runs.root / "stamps" / e["path"], runs.root / "stamps").__dict__ for e in record(runs)["files"]],
    )


def record(runs: ReplayRuns) -> dict[str, Any]:
    return read_run(runs.root / "stamps")


def set_record(runs: ReplayRuns, **changes: Any) -> None:
    (runs.root / "stamps" / FINISHED_NAME).write_text(json.dumps(record(runs) | changes))


def stamp_of(runs: ReplayRuns) -> dict[str, Any]:
    (path,) = run_files(runs.root / "stamps", STAMPS, "split=")
    (row,) = (row for row in read_table(path, STAMPS).to_pylist() if row["task_id"] == LENS)
    return dict(row)


@pytest.mark.parametrize(
    ("host", "kind", "seen"), [("1", "lens", "bytes of pixels"), ("10", "lens", "bytes"), ("4", "control", "refused alike")]
)
def test_a_stamp_is_the_same_when_it_is_made_again(made: ReplayRuns, host: str, kind: str, seen: str, capsys: Printed) -> None:
    name = task_id(host, kind)
    assert replayed(name, made.root) == EXIT_DONE
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"dhs replay: task {name} of stamps is the same in all {len(STAMPS.names)} columns (")
    assert seen in line
    assert f"; code {record(made)['code_version']}" in line


def test_the_directories_and_the_bank_may_be_named_one_by_one(made: ReplayRuns, tmp_path: Path) -> None:
    bank = shutil.copy(made.bank, tmp_path / "other_name.h5")
    parts = [made.root / part for part in ("cutouts", "stamps", "plan")]
    assert replayed(LENS[:12], *parts, "--bank", bank) == EXIT_DONE


def test_a_changed_column_is_named_with_both_values_and_the_exit_code_says_so(runs: ReplayRuns, capsys: Printed) -> None:
    change_stamp(runs, arc_snr=5.0, brickname="elsewhere")
    assert replayed(LENS, runs.root) == EXIT_BREACH
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == "  brickname: stands 'elsewhere'; made again '0591m305'"
    assert second.startswith("  arc_snr: stands 5.0; made again 2")
    assert (
        f"differs in 2 of {len(STAMPS.names)} columns: brickname, arc_snr; pixels differ by at most 0 of the sky's noise"
        in last
    )


@pytest.mark.parametrize(
    ("change", "said"), [(1.0, "at most 4e+02 of the sky's noise; "), (1e-9, "noise, as on another family of processors; ")]
)
def test_changed_pixels_are_measured(runs: ReplayRuns, change: float, said: str, capsys: Printed) -> None:
    image = decode_stamp(stamp_of(runs)["stamp_npz"]).copy()
    faintest = abs(image[1]).argmin()
    image[1].flat[faintest] += change
    change_stamp(runs, stamp_npz=encode_stamp(dict(zip(BANDS, image, strict=True))))
    assert replayed(LENS, runs.root) == EXIT_BREACH
    printed = capsys.readouterr().out
    assert "columns: stamp_npz; pixels differ by " in printed
    assert said in printed


def test_other_code_than_the_runs_is_told(runs: ReplayRuns, capsys: Printed) -> None:
    set_record(runs, code_version="0.0.9+old")
    assert replayed(LENS, runs.root) == EXIT_DONE
    assert "; made by code 0.0.9+old, made again by 0.1.0+" in capsys.readouterr().out


def test_a_bank_plan_or_cutouts_of_other_content_are_not_taken(runs: ReplayRuns, tmp_path: Path, capsys: Printed) -> None:
    stamps, plan, cutouts = (runs.root / part for part in ("stamps", "plan", "cutouts"))
    assert replayed(LENS, stamps, plan) == EXIT_BAD_INPUT
    assert (
        f"the cutouts that {stamps} was made from is none of stamps, plan; wanted that output of dhs cut-hosts too"
        in capsys.readouterr().err
    )
    assert replayed(LENS, stamps, cutouts) == EXIT_BAD_INPUT
    assert "the plan that " in capsys.readouterr().err
    assert replayed(LENS, stamps, plan, cutouts) == EXIT_BAD_INPUT
    assert "seen no *.h5 in the directories; wanted --bank FILE.h5" in capsys.readouterr().err
    (tmp_path / "x.h5").write_bytes(runs.bank.read_bytes() + b"x")
    assert replayed(LENS, runs.root, "--bank", tmp_path / "x.h5") == EXIT_BAD_INPUT
    assert (
        f"the stamps were made with the bank whose SHA-256 begins {record(runs)['settings']['bank_sha256'][:12]}; seen "
        in capsys.readouterr().err
    )


def test_a_recipe_that_was_changed_is_not_taken(runs: ReplayRuns, capsys: Printed) -> None:
    path = runs.root / "plan" / "recipe.yaml"
    path.write_text(path.read_text().replace("max_draws: ", "max_draws: 1"))
    assert replayed(LENS, runs.root) == EXIT_BAD_INPUT
    assert "recipe.yaml has hash " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["e" * 32, "RUN"], "no task " + "e" * 32 + " among the 11 rows of stamps"),
        (["../x", "RUN"], "'../x' is no task_id; wanted one such as 03f2a91c"),
        ([LENS, "RUN/plan"], "none of the directories holds stamps; wanted one that dhs inject or dhs adopt filled"),
        ([LENS, "RUN/nowhere"], "nowhere is not a directory"),
        ([LENS, "RUN/half"], "half holds an unfinished run: _run.json is not there"),
        ([LENS, "RUN/adopted"], "does not say which plan it was made from: only dhs inject's can"),
    ],
)
def test_what_cannot_be_made_again_is_told_in_one_sentence(
    runs: ReplayRuns, words: list[str], said: str, capsys: Printed
) -> None:
    for name in ("half", "adopted"):
        shutil.copytree(runs.root / "stamps", runs.root.parent / name)
    (runs.root.parent / "half" / FINISHED_NAME).unlink()
    path = runs.root.parent / "adopted" / FINISHED_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | {"settings": {}}))
    places = {"RUN/half": runs.root.parent / "half", "RUN/adopted": runs.root.parent / "adopted"}
    assert replayed(*(places.get(word, word.replace("RUN", str(runs.root))) for word in words)) == EXIT_BAD_INPUT
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith("dhs replay: error: ")
    assert said in printed.err


def test_a_stamp_in_s3_is_made_again_from_plan_cutouts_and_bank_in_s3(
    made: ReplayRuns, s3: S3Store, capsys: Printed, tmp_path: Path
) -> None:
    parts = [s3.put(made.root / part, f"replay/{part}") for part in ("stamps", "plan", "cutouts")]
    bank = s3.put_bytes("replay/bank.h5", made.bank.read_bytes())
    for host in ("1", "10"):  # the second draws its source from the bank
        assert replayed(task_id(host, "lens"), *parts, "--bank", bank) == EXIT_DONE
        assert f"of stamps is the same in all {len(STAMPS.names)} columns" in capsys.readouterr().out
    assert replayed(LENS, *parts) == EXIT_BAD_INPUT
    assert "seen no *.h5 in the directories; wanted --bank FILE.h5" in capsys.readouterr().err
    other = s3.put_bytes("replay/other.h5", made.bank.read_bytes() + b"x")
    assert replayed(LENS, *parts, "--bank", other) == EXIT_BAD_INPUT
    assert f"; seen {other}; wanted --bank FILE.h5" in capsys.readouterr().err
