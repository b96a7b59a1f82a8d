"""A job's words on their way to a cluster: checked by the job's own parser, local paths refused, small files shipped."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from schemas.job_entry import InputError
from spark_jobs.command_line import COMMANDS
from spark_jobs.emr_runs.job_call import JOBS, InputKind, JobInput, job_call
from spark_jobs.recipe import parse_recipe
from tests.spark_jobs.emr_runs.emr_account import WORDS, EmrAccount


@pytest.mark.parametrize("job", JOBS)
def test_every_job_is_a_command_and_its_inputs_are_its_options(job: str) -> None:
    assert COMMANDS[job][0] == JOBS[job].module
    options = {action.dest for action in importlib.import_module(JOBS[job].module).build_parser()._actions}
    assert options >= {"out", *JOBS[job].inputs}
    call = job_call(job, WORDS[job])
    assert call.words == tuple(WORDS[job])
    assert call.out == WORDS[job][-1]


def test_inputs_are_named_with_both_slashes_and_without_one_at_the_end() -> None:
    call = job_call(
        "inject", ["--plan=s3://b/run/plan/", "--cutouts", "s3://b/cut", "--bank", "s3://b/bank.h5", "--out", "s3://b/o"]
    )
    assert call.inputs == (
        JobInput("plan", InputKind.RUN, "s3://b/run/plan"),
        JobInput("cutouts", InputKind.RUN, "s3://b/cut"),
        JobInput("bank", InputKind.OBJECT, "s3://b/bank.h5"),
    )
    assert (call.input("bank"), call.input("hosts"), call.recipe, call.shipped) == ("s3://b/bank.h5", None, None, ())


def test_all_of_several_sweeps_are_inputs() -> None:
    call = job_call("select-hosts", ["--sweeps", "s3://b/one", "s3://b/two", "--out", "s3://b/o"])
    assert [one.address for one in call.inputs] == ["s3://b/one", "s3://b/two"]


def test_an_unknown_job_is_told_with_those_that_run() -> None:
    with pytest.raises(
        InputError, match="no job 'train' runs on EMR; wanted one of select-hosts, plan, cut-hosts, inject, compact"
    ):
        job_call("train", [])


def test_words_that_the_job_does_not_know_end_as_they_would_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        job_call("inject", ["--plans", "s3://b/p"])
    assert ending.value.code == 2
    assert "dhs inject: error: " in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--plan", "--cutouts", "--out"])
def test_a_path_of_this_machine_is_refused(option: str) -> None:
    words = list(WORDS["inject"])
    words[words.index(option) + 1] = "/data/here"
    with pytest.raises(
        InputError, match=f"{option} /data/here lies on this machine, which a cluster does not see; wanted s3://"
    ):
        job_call("inject", words)


@pytest.mark.parametrize("address", ["s3://b", "s3://b/", "s3://b/../x", "s3://b/x/../../y"])
def test_an_address_that_is_no_place_in_a_bucket_is_refused(address: str) -> None:
    with pytest.raises(InputError, match=r"--out s3://b.* (is no place in a bucket|lies on)"):
        job_call("inject", [*WORDS["inject"][:-1], address])


def test_an_own_recipe_is_checked_shipped_whole_and_named_as_it_lies_there(tmp_path: Path) -> None:
    own = tmp_path / "my recipe.yaml"
    own.write_text("based_on: realistic\nname: mine\ntasks: {replicates: 2, controls: paired, max_tasks: 50}\n")
    for words in (["--recipe", str(own)], [f"--recipe={own}"]):
        call = job_call("plan", [*words, *WORDS["plan"][2:]])
        (shipped,) = call.shipped
        assert call.recipe is not None and call.recipe.name == "mine"
        assert parse_recipe(shipped.text, "shipped").recipe_hash == call.recipe.recipe_hash
        assert "based_on" not in shipped.text  # whole, whatever the code that reads it knows
        assert shipped.key == f"files/{shipped.key.split('/')[1]}/my_recipe.yaml" and len(shipped.key.split("/")[1]) == 16
        assert not any(str(tmp_path) in word for word in call.words)
        assert call.words[: len(words)] == tuple(word.replace(str(own), "my_recipe.yaml") for word in words)


def test_a_recipe_that_does_not_parse_is_told_before_anything(tmp_path: Path) -> None:
    own = tmp_path / "bad.yaml"
    own.write_text("based_on: realistic\ntasks: {replicates: 0, controls: paired, max_tasks: 50}\n")
    with pytest.raises(InputError, match=r"bad\.yaml.*tasks\.replicates"):
        job_call("plan", ["--recipe", str(own), *WORDS["plan"][2:]])
    with pytest.raises(InputError, match="no recipe 'fancy'"):
        job_call("plan", ["--recipe", "fancy", *WORDS["plan"][2:]])


def test_an_own_survey_is_checked_and_shipped(tmp_path: Path) -> None:
    packaged = importlib.import_module("importlib.resources").files("spark_jobs") / "surveys" / "legacy_dr10.yaml"
    own = tmp_path / "mine.yaml"
    own.write_text(packaged.read_text())
    call = job_call("cut-hosts", [*WORDS["cut-hosts"], "--survey", str(own)])
    assert [shipped.text for shipped in call.shipped] == [packaged.read_text()]
    assert call.words[-1] == "mine.yaml"
    own.write_text("name: mine\n")
    with pytest.raises(InputError, match="lrg_cuts"):
        job_call("cut-hosts", [*WORDS["cut-hosts"], "--survey", str(own)])


def test_a_survey_in_s3_is_shipped_as_it_stands_there(account: EmrAccount) -> None:
    packaged = importlib.import_module("importlib.resources").files("spark_jobs") / "surveys" / "legacy_dr10.yaml"
    address = account.put("settings/own.yaml", packaged.read_text())
    call = job_call("cut-hosts", [*WORDS["cut-hosts"], "--survey", address])
    assert [shipped.name for shipped in call.shipped] == ["own.yaml"] and "own.yaml" in call.words
    assert call.shipped[0].text == packaged.read_text()
