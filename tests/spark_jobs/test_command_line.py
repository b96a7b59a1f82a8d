"""The command ``dhs``: its words are frozen here, and every job it names can be asked for help on any machine."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from schemas.code_version import RELEASE
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_DONE
from schemas.locations import LocationError, S3Location
from spark_jobs.command_line import COMMANDS, main

HELP = """\
usage: dhs COMMAND [arguments]      dhs COMMAND --help teaches one of them

Training data for finding strong gravitational lenses, the network trained on it, the proof of what it learned.
In the order of the work:
  mock-sky       draw survey bricks and catalogues to practise on
  fetch          bring bricks or cutouts in from a survey's server
  anchors        bring a list of real lenses or contaminants in, and random sky beside it
  adopt          bring in stamps, anchors or a checkpoint that you already have
  adopt-bank     bring in a source bank that you already have
  select-hosts   choose massive galaxies from sweep catalogues
  source-bank    make a bank of source galaxies from HST images or fits
  population     draw what a recipe would make, as a picture to decide by
  plan           draw what will be made, without pixels
  cut-hosts      cut the planned hosts out of the survey's bricks
  inject         make the stamps
  emr            run a job on many machines, checked and priced first
  compact        pack stamps, or anybody's Parquet, into shards of one size
  audit          check a stamps directory against its contract and plan, or ask it one question
  show           show one stamp: picture, parameters, host, pair
  replay         make one stamp again and compare the bytes
  gate-data      ask the stamps for shortcuts, before a GPU is paid for
  fetch-stamps   copy finished stamps from S3, checksums verified
  train          train the network
  score          score stamps with a checkpoint
  check-anchors  see a galaxy at each anchor before any figure is believed
  evaluate       AUC and recall at fixed false positive rates, with intervals
  gate-model     ask a trained network whether what it sees is lensing
  stimuli        make lenses again with one thing changed, to ask a network about
  autopsy        what a network learned, and why real lenses look different to it
  completeness   the share of lenses found, over what decides it
  select         rank a scored sample, with a page of pictures
  report         write one HTML page about a run
  demo           the main steps on a small drawn sky
"""


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_is_what_it_has_been(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == EXIT_DONE
    assert capsys.readouterr() == (HELP, "")


def test_no_word_at_all_shows_the_help_and_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == EXIT_BAD_INPUT
    assert capsys.readouterr() == (HELP, "")


def test_the_words_come_from_the_shell_where_none_are_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["dhs", "--version"])
    assert main() == EXIT_DONE
    assert capsys.readouterr().out == f"darkhaloscope {RELEASE}\n"


@pytest.mark.parametrize("word", ["lens", "Plan", "--recipe", "plan_tasks", ""])
def test_an_unknown_command_is_refused_with_those_that_are_known(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word, "--help"]) == EXIT_BAD_INPUT
    assert capsys.readouterr() == ("", f"dhs: error: no command {word!r}; wanted one of {', '.join(COMMANDS)}\n")


@pytest.mark.parametrize(("command", "extra"), [("train", "train"), ("inject", "spark,sky,audit")])
def test_a_package_that_is_not_installed_is_named_with_what_installs_it(
    command: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def bare_machine(name: str) -> ModuleType:
        asked.append(name)
        raise ModuleNotFoundError("No module named 'heavy'", name="heavy")

    monkeypatch.setattr(importlib, "import_module", bare_machine)
    assert main([command, "--help"]) == EXIT_BAD_INPUT
    assert asked == [COMMANDS[command][0]]
    assert capsys.readouterr() == (
        "",
        f"dhs {command}: error: the package 'heavy' is not installed here; try: pip install 'darkhaloscope[{extra}]'\n",
    )


def test_a_job_gets_the_words_after_its_name_and_gives_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[object] = []
    job = ModuleType("job")
    job.main = lambda words: heard.append(words) or 1  # type: ignore[attr-defined]
    monkeypatch.setattr(importlib, "import_module", lambda name: job)
    assert main(["audit", "--stamps", "run/stamps"]) == 1
    assert heard == [["--stamps", "run/stamps"]]


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ending:
        main([command, "--help"])
    assert ending.value.code == EXIT_DONE
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def examples_in(text: str) -> list[list[str]]:
    """The commands of a help text's examples, each as words; what stands far to the right is a remark."""
    _, _, epilog = re.sub(r"\\\n\s*", "", text).partition("\nexample")
    return [shlex.split(re.split(r"\s{3,}", line.strip())[0]) for line in epilog.splitlines() if line.startswith("  dhs ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_itself_with_examples(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    text = help_of(command, capsys)
    assert text.startswith(f"usage: dhs {command} [-h]")
    examples = examples_in(text)
    assert examples[0][:2] == ["dhs", command]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_of_a_help_text_can_be_typed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for _, name, *words in examples_in(help_of(command, capsys)):
        parser = importlib.import_module(COMMANDS[name][0]).build_parser()
        assert isinstance(parser, argparse.ArgumentParser)
        parser.parse_args(words)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_argument_is_told_with_the_usage_and_code_two(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main([command, "--no-such-argument"])
    assert ending.value.code == EXIT_BAD_INPUT
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"usage: dhs {command} ")
    assert f"dhs {command}: error: " in said.err


def taken(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every option and argument of a parser and of the parsers below it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from taken(below)
        else:
            yield action


@pytest.mark.parametrize(
    "words",
    [
        ("audit", "--stamps", "nowhere", "--json"),
        ("evaluate", "--scores", "nowhere", "--out"),
        ("population", "demo", "--hosts", "nowhere", "--out"),
        ("report", "--stamps", "nowhere", "--out"),
        ("source-bank", "--real-galaxies", "nowhere", "--out"),
    ],
    ids=lambda words: words[0],
)
def test_a_file_that_cannot_go_up_to_s3_is_refused_before_the_work_for_it(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DHS_S3_ENCRYPTION", "rot13")
    assert main([*words, "s3://bucket/file.png"]) == EXIT_BAD_INPUT
    told = f"dhs {words[0]}: error: DHS_S3_ENCRYPTION is 'rot13'; wanted AES256, aws:kms, or aws:kms:KEY\n"
    assert capsys.readouterr().err == told


OF_SPARK_JOBS = [name for name, (module, _) in COMMANDS.items() if module.startswith("spark_jobs.")]
OF_WORDS = {
    *("--bands", "--cut", "--endpoint-url", "--master", "--on", "--positions", "--query", "--region", "--require-bands"),
    *("--split", "--step", "--survey", "--tables", "--task", "job", "task", "words"),
    *("directories", "run"),  # an address is made of each where its run is looked for
    *("--recipe", "recipe"),  # a name that comes with the package, or a place
}
"""Options without a type: what they take stays the words that were typed."""


@pytest.mark.parametrize("command", OF_SPARK_JOBS)
def test_what_an_option_without_a_type_takes_is_known_to_be_no_place(command: str) -> None:
    parser = importlib.import_module(COMMANDS[command][0]).build_parser()
    untyped = [action for action in taken(parser) if action.type is None and action.nargs != 0]
    assert {(action.option_strings or [action.dest])[0] for action in untyped} <= OF_WORDS


@pytest.mark.parametrize("command", OF_SPARK_JOBS)
def test_an_address_in_s3_is_taken_as_one_or_refused_and_never_as_a_folder_named_s3(command: str) -> None:
    parser = importlib.import_module(COMMANDS[command][0]).build_parser()
    for action in [action for action in taken(parser) if action.type not in (None, int, float)]:
        assert isinstance(action.type, Callable)  # type: ignore[arg-type]
        try:
            assert action.type("s3://bucket/key") == S3Location("bucket", "key"), action.dest
        except LocationError as error:
            assert str(error).startswith("s3://bucket/key: this option takes no s3://; wanted a local path"), action.dest
