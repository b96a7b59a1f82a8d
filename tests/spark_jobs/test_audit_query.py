"""dhs audit --query, --list, --tables: what is typed and what is seen, and one sentence for what cannot be asked."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_DONE, run_job
from schemas.locations import location
from schemas.run_record import FINISHED_NAME
from spark_jobs import audit_query
from spark_jobs.audit_query import build_parser
from spark_jobs.transforms.audits.query_texts import all_queries
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.small_index import control_row, index_row, write_index, write_plan

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a plan and its stamps."""
    rows = [index_row(0xABCDEF + n) for n in range(4)] + [control_row(9)]
    write_index(tmp_path / "run" / "stamps", rows[:-1])
    write_plan(tmp_path / "run" / "plan", rows)
    return tmp_path / "run"


def asked(*words: object) -> int:
    return run_job("audit", audit_query.main, [str(word) for word in words])


def test_the_list_names_every_question_with_its_sentence(capsys: Printed) -> None:
    assert asked("--list") == EXIT_DONE
    *lines, last = capsys.readouterr().out.splitlines()
    assert [re.split(r"  +", line) for line in lines] == [[query.name, query.question] for query in all_queries().values()]
    assert last == "dhs audit: 16 questions; dhs audit --query NAME DIRECTORY... asks one"


def test_a_folder_of_runs_is_asked_and_the_closing_line_says_what_was_read(folder: Path, capsys: Printed) -> None:
    assert asked("--query", "counts_against_plan", folder) == EXIT_DONE
    header, control, lens, last = capsys.readouterr().out.splitlines()
    assert header.split() == ["split", "kind", "planned", "made", "refused", "lost"]
    assert control.split() == ["train", "control", "1", "0", "0", "1"]
    assert lens.split() == ["train", "lens", "4", "4", "0", "0"]
    pattern = r"dhs audit: counts_against_plan: 2 rows in \d+\.\d\d s, read (0\.\d\d) of (0\.\d\d) MB in 2 files, no pixels"
    match = re.fullmatch(pattern, last)
    assert match and float(match[1]) > 0


def test_an_answer_is_written_as_csv_and_drawn(folder: Path, tmp_path: Path, capsys: Printed) -> None:
    table, figure = tmp_path / "out" / "a.csv", tmp_path / "out" / "a.svg"
    assert asked("--query", "arc_snr", folder / "stamps", "--csv", table, "--figure", figure) == EXIT_DONE
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert (row["kind"], row["split"], row["stamps"]) == ("lens", "train", "4")
    assert figure.read_text().startswith("<?xml")
    assert capsys.readouterr().out.endswith(f"; written to {table}, {figure}\n")


def test_one_stamp_is_asked_after_by_the_beginning_of_its_name(folder: Path, capsys: Printed) -> None:
    assert asked("--query", "provenance", "--task", f"{0xABCDEF:032x}"[:30], folder) == EXIT_BAD_INPUT
    assert "4 rows have a task_id that begins with" in capsys.readouterr().err
    assert asked("--query", "provenance", "--task", f"{0xABCDEF + 2:032x}", folder) == EXIT_DONE
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert (lines["task_id"], lines["file"], lines["pair_id"]) == (f"{0xABCDEF + 2:032x}", "split=train/a.parquet", "-")


def test_the_tables_of_real_runs_are_printed_for_athena(folder: Path, capsys: Printed) -> None:
    assert asked("--tables", "athena", folder) == EXIT_DONE
    printed = capsys.readouterr().out
    assert f"PARTITION (run = 'stamps', folder = 'index') LOCATION '{folder}/stamps/index/'" in printed
    assert "('stamps', 'inject', 'small', '5ca1ab1e5ca1ab1e', CAST(7 AS bigint), 'test', 'host_cell', '20" in printed


def test_an_unfinished_run_in_the_folder_is_left_out_and_named(folder: Path, capsys: Printed) -> None:
    (write_index(folder / "later", [index_row(1)]) / FINISHED_NAME).unlink()
    assert asked("--query", "repeated_tasks", folder) == EXIT_DONE
    assert capsys.readouterr().out.endswith(" in 1 files, no pixels; unfinished and left out: later\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--query", "nope", "RUN"], "no query 'nope'; wanted one of arc_snr, "),
        (["--query", "../../../etc/passwd", "RUN"], "no query '../../../etc/passwd'; wanted one of arc_snr, "),
        (["--query", "arc_snr"], "no directory was given; wanted finished runs, or a folder that holds some"),
        (["--query", "arc_snr", "RUN/.."], "holds no finished run: _run.json is neither in it nor in a folder of it"),
        (["--query", "arc_snr", "RUN/nowhere"], "nowhere is not a directory; wanted a finished run"),
        (["--query", "arc_snr", "RUN/half"], "half holds an unfinished run: _run.json is not there"),
        (["--query", "arc_snr", "RUN/plan"], "query arc_snr reads stamp_index, and plan has none"),
        (["--query", "provenance", "RUN"], "query provenance asks for the task_id; wanted --task TASK_ID"),
        (["--query", "arc_snr", "RUN", "--task", "abcdef"], "query arc_snr asks for nothing; wanted no --task"),
        (["--query", "provenance", "RUN", "--task", "e" * 32], f"no task {'e' * 32} among the 4 rows of stamps"),
        (["--query", "provenance", "RUN", "--task", "../x"], "'../x' is no task_id; wanted one such as 03f2a91c"),
        (["--query", "repeated_tasks", "RUN", "--figure", "x.png"], "query repeated_tasks has no figure"),
        (["--query", "arc_snr", "RUN", "--figure", "x.exe"], "--figure x.exe; wanted a file ending in one of .pdf, .png, .svg"),
        (["RUN"], "wanted one of --query NAME, --list and --tables ENGINE"),
        (["--list", "--query", "arc_snr", "RUN"], "wanted one of --query NAME, --list and --tables ENGINE"),
        (["--query", "arc_snr", "s3://"], "'s3://' names no bucket"),
    ],
)
def test_what_cannot_be_asked_is_told_in_one_sentence(folder: Path, words: list[str], said: str, capsys: Printed) -> None:
    (write_index(folder / "half", [index_row(1)]) / FINISHED_NAME).unlink()
    assert asked(*(word.replace("RUN", str(folder)) for word in words)) == EXIT_BAD_INPUT
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("dhs audit: error: ")
    assert said in printed.err
    assert printed.err.count("\n") == 1


def test_the_examples_can_be_typed() -> None:
    lines = [line.split("   ")[0].split() for line in audit_query.EXAMPLES.splitlines() for line in [line.strip()]]
    assert len(lines) == 5
    for dhs, audit, *words in lines:
        assert (dhs, audit) == ("dhs", "audit")
        assert audit_query.is_asking(build_parser().parse_args(words))
    assert not audit_query.is_asking(build_parser().parse_args([]))


def test_the_answer_of_runs_in_s3_is_written_and_drawn_there(
    s3: S3Store, folder: Path, tmp_path: Path, capsys: Printed
) -> None:
    stamps = s3.put(folder / "stamps", "asked/stamps")
    table, figure = f"s3://{BUCKET}/asked/a.csv", f"s3://{BUCKET}/asked/a.svg"
    assert asked("--query", "arc_snr", stamps, "--csv", table, "--figure", figure) == EXIT_DONE
    assert capsys.readouterr().out.endswith(f"; written to {table}, {figure}\n")
    assert (
        asked("--query", "arc_snr", folder / "stamps", "--csv", tmp_path / "a.csv", "--figure", tmp_path / "a.svg") == EXIT_DONE
    )
    assert location(table).read_bytes() == (tmp_path / "a.csv").read_bytes()
    assert location(figure).read_bytes() == (tmp_path / "a.svg").read_bytes()
