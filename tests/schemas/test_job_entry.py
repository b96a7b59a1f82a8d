"""How a job ends: its exit code, one line for bad input, a traceback for a fault of the program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.array_codec import BlobError
from schemas.contract import ContractError
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_BREACH, EXIT_DONE, InputError, account, run_job
from schemas.run_record import RunError


@pytest.mark.parametrize("code", [EXIT_DONE, EXIT_BREACH, EXIT_BAD_INPUT])
def test_the_exit_code_is_the_jobs_own_and_its_words_are_handed_on(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[Sequence[str] | None] = []

    def job(argv: Sequence[str] | None) -> int:
        heard.append(argv)
        return code

    assert run_job("plan", job, ["--seed", "1"]) == code
    assert run_job("plan", job) == code
    assert heard == [["--seed", "1"], None]
    assert capsys.readouterr() == ("", "")


def test_the_codes_that_scripts_depend_on_stay() -> None:
    assert (EXIT_DONE, EXIT_BREACH, EXIT_BAD_INPUT) == (0, 1, 2)


@pytest.mark.parametrize("kind", [InputError, ContractError, RunError, BlobError, NotADirectoryError, PermissionError])
def test_bad_input_is_one_line_on_standard_error_and_code_two(
    kind: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    def job(_: Sequence[str] | None) -> int:
        raise kind("size 63; wanted\nan even  number")

    assert run_job("plan", job, []) == EXIT_BAD_INPUT
    assert capsys.readouterr() == ("", "dhs plan: error: size 63; wanted an even  number\n")


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = tmp_path / "absent.yaml"
    assert run_job("plan", lambda _: len(absent.read_text()), []) == EXIT_BAD_INPUT
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(absent) in error


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, KeyError, OSError])
def test_a_fault_of_the_program_keeps_its_traceback(kind: type[Exception]) -> None:
    def job(_: Sequence[str] | None) -> int:
        raise kind("a fault")

    with pytest.raises(kind, match="a fault"):
        run_job("plan", job, [])


def test_an_interrupted_job_says_how_to_go_on_and_ends_like_a_shell_command(capsys: pytest.CaptureFixture[str]) -> None:
    def job(_: Sequence[str] | None) -> int:
        raise KeyboardInterrupt

    assert run_job("inject", job, []) == 128 + 2
    assert capsys.readouterr().err == "dhs inject: interrupted; run the same command again to go on\n"


def test_the_account_is_one_line_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    account("audit", "12 checks, no breach")
    assert capsys.readouterr() == ("dhs audit: 12 checks, no breach\n", "")
