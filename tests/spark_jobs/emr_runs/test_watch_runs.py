"""Runs watched and ended: states, the ends of logs, and what is told of a run that nobody knows."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from botocore.stub import Stubber

from schemas.job_entry import InputError
from spark_jobs.emr_runs import watch_runs
from spark_jobs.emr_runs.run_inputs import Bucket
from spark_jobs.emr_runs.run_progress import progress_lines
from spark_jobs.emr_runs.watch_runs import RunName, cancel_run, clusters_alive, log_ends, run_name, status_lines
from tests.s3_store import BUCKET
from tests.spark_jobs.emr_runs.emr_account import ACCOUNT, REGION, EmrAccount

STEP = {"Name": "dhs inject", "ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["true"]}}


def started(account: EmrAccount, **more: Any) -> RunName:
    """A cluster with one step."""
    parameters = {
        "Name": "dhs inject stamps",
        "ReleaseLabel": "emr-7.13.0",
        "LogUri": f"s3n://{BUCKET}/logs/",
        "Instances": {"MasterInstanceType": "m5.xlarge", "KeepJobFlowAliveWhenNoSteps": True},
        "JobFlowRole": "DarkHaloScopeEmrInstances",
        "ServiceRole": "DarkHaloScopeEmrService",
        "Steps": [STEP],
    }
    return run_name(account.access.client("emr").run_job_flow(**{**parameters, **more})["JobFlowId"])


def started_serverless(account: EmrAccount, **more: Any) -> RunName:
    client = account.access.client("emr-serverless")
    application = client.create_application(name="a", releaseLabel="emr-7.13.0", type="SPARK", clientToken="t")
    run = client.start_job_run(
        applicationId=application["applicationId"],
        clientToken="u",
        name="dhs inject",
        executionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/DarkHaloScopeServerless",
        configurationOverrides={"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": f"s3://{BUCKET}/logs/"}}},
        **more,
    )
    return run_name(f"{run['applicationId']}/{run['jobRunId']}")


def test_a_run_is_a_cluster_or_a_run_of_an_application() -> None:
    assert run_name("j-2AXXXXXXGAPLF") == RunName(cluster="j-2AXXXXXXGAPLF")
    assert run_name("00f1/00f2") == RunName(application="00f1", job_run="00f2")
    assert [str(run_name(text)) for text in ("j-2A", "00f1/00f2")] == ["j-2A", "00f1/00f2"]
    for text in ("", "j-", "inject", "a/b/c", "../x", "j-1/2", "j-2A\n"):
        with pytest.raises(InputError, match="names no run; wanted a cluster"):
            run_name(text)


def test_the_status_of_a_cluster_is_its_state_and_its_steps(account: EmrAccount) -> None:
    run = started(account)
    cluster, step = status_lines(run, account.access)
    assert cluster.startswith(f"{run} ") and "dhs inject stamps" in cluster
    assert step.startswith("  s-") and "dhs inject" in step


def test_a_step_that_failed_says_why_and_a_terminal_is_not_obeyed(account: EmrAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(account)
    with Stubber(account.access.client("emr")) as emr:
        cluster = {
            "Id": str(run),
            "Name": "n",
            "Status": {"State": "TERMINATING", "StateChangeReason": {"Message": "Step failed"}},
        }
        failed = {"State": "FAILED", "FailureDetails": {"Reason": "Unknown Error.\x1b[2J"}}
        emr.add_response("describe_cluster", {"Cluster": cluster})
        emr.add_response("list_steps", {"Steps": [{"Id": "s-1", "Name": "dhs inject", "Status": failed}]})
        assert status_lines(run, account.access) == [
            f"{run} TERMINATING n: Step failed",
            "  s-1 FAILED dhs inject: Unknown Error.?[2J",
        ]


def test_the_status_of_a_serverless_run_is_its_state_and_what_was_billed(account: EmrAccount) -> None:
    run = started_serverless(account)
    first, billed = status_lines(run, account.access)
    assert first.startswith(f"{run} ") and first.endswith("dhs inject")
    assert billed == "  billed: 0.00 vCPUHour, 0.00 memoryGBHour"


LOG = """\
{"utc": "2026-11-28T07:30:19+00:00", "state": "running", "stage": "making stamps", "shards_done": 0, "shards": 2113}
{"utc": "2026-11-28T07:40:19+00:00", "state": "running", "stage": "making stamps", "shards_done": 400, "shards": 2113,
 "rows_per_second": 60000.0, "seconds_left": 2400, "refused": {"ARC_TOO_FAINT": 5, "\\u001b[2J": 2}}
{"utc": "2026-11-28T07:50"""
TOLD = (
    "    making stamps running, 400 of 2113 shards, 60000 rows/s, about 40 min left, "
    "refused: ARC_TOO_FAINT 5, ?[2J 2 (at 2026-11-28T07:40:19+00:00)"
)


@pytest.mark.parametrize("words", [["--out", f"s3://{BUCKET}/stamps/"], [f"--out=s3://{BUCKET}/stamps"]])
def test_a_run_says_how_far_it_is_and_one_that_ended_what_it_said_last(words: list[str], account: EmrAccount) -> None:
    bucket, words = Bucket(account.access), ["spark-submit", "start.py", "inject", "--plan", "s3://b/plan", *words]
    assert progress_lines(words, bucket, "RUNNING") == []
    account.put("stamps/_progress.jsonl", LOG.replace(",\n ", ", "))
    assert progress_lines(words, bucket, "RUNNING") == [TOLD.replace("?[", "\x1b[")]
    assert progress_lines(words, bucket, "FAILED") == [
        "    last said: " + TOLD.replace("?[", "\x1b[").strip().replace(" about 40 min left,", "")
    ]


def test_the_status_shows_what_each_run_says_of_itself_and_a_terminal_is_not_obeyed(account: EmrAccount) -> None:
    words = ["spark-submit", "start.py", "inject", "--out", f"s3://{BUCKET}/stamps"]
    account.put("stamps/_progress.jsonl", LOG.replace(",\n ", ", "))
    run = started(account, Steps=[{**STEP, "HadoopJarStep": {"Jar": "command-runner.jar", "Args": words}}])
    serverless = started_serverless(account, jobDriver={"sparkSubmit": {"entryPoint": "e", "entryPointArguments": words}})
    for line in (status_lines(run, account.access)[2], status_lines(serverless, account.access)[-1]):
        assert "making stamps running, 400 of 2113 shards, 60000 rows/s" in line and "?[2J 2" in line


def test_a_log_that_says_nothing_is_no_line_and_one_that_cannot_be_read_costs_no_state(account: EmrAccount) -> None:
    words, bucket = ["--out", f"s3://{BUCKET}/stamps"], Bucket(account.access)
    account.put("stamps/_progress.jsonl", '{"utc": "2026-11-')
    assert progress_lines(words, bucket, "RUNNING") == progress_lines(["--out", "here"], bucket, "RUNNING") == []
    for code, told in (("AccessDenied", "access denied"), ("SlowDown", "AWS cannot answer GetObject for now")):
        with Stubber(account.access.client("s3")) as s3:
            s3.add_client_error("get_object", code)
            (line,) = progress_lines(words, bucket, "RUNNING")
        assert line.startswith(f"    progress: not readable (s3://darkhaloscope/stamps/_progress.jsonl: {told}")


def test_what_costs_money_is_listed(account: EmrAccount) -> None:
    assert clusters_alive(account.access) == []
    run = started(account)
    (line,) = clusters_alive(account.access)
    assert line.startswith(f"{run} ") and line.endswith("dhs inject stamps")
    cancel_run(run, account.access)
    assert clusters_alive(account.access) == []


@pytest.mark.parametrize("text", ["j-NOSUCHCLUSTER", "00f1/00f2"])
def test_a_run_that_nobody_knows_is_told_with_where_it_was_looked_for(text: str, account: EmrAccount) -> None:
    told = f"no run {text} in {REGION} of this account; wanted the name that submit printed, and its --region"
    for ask in (status_lines, cancel_run, lambda run, access: list(log_ends(run, access, 5))):
        with pytest.raises(InputError, match=told):
            ask(run_name(text), account.access)


def test_a_cluster_is_terminated(account: EmrAccount) -> None:
    run = started(account)
    assert cancel_run(run, account.access).startswith(f"{run} is being terminated; what it finished stays")
    assert " TERMINATED " in status_lines(run, account.access)[0]


def test_a_serverless_run_is_cancelled(account: EmrAccount) -> None:
    run = started_serverless(account)
    assert cancel_run(run, account.access) == f"{run} is being cancelled"
    assert " CANCELLED " in status_lines(run, account.access)[0]
    with pytest.raises(InputError, match="is a serverless run, which has no steps; wanted no --step"):
        cancel_run(run, account.access, "s-1")


def test_a_step_is_cancelled_alone_or_it_is_told_why_not(account: EmrAccount) -> None:
    run = started(account)
    asked = {"ClusterId": str(run), "StepIds": ["s-1"], "StepCancellationOption": "TERMINATE_PROCESS"}
    cluster = {"Cluster": {"Id": str(run), "Name": "n", "Status": {"State": "RUNNING"}}}
    with Stubber(account.access.client("emr")) as emr:
        for status, reason in (("SUBMITTED", ""), ("FAILED", "it has ended")):
            emr.add_response("describe_cluster", cluster, {"ClusterId": str(run)})
            emr.add_response(
                "cancel_steps", {"CancelStepsInfoList": [{"StepId": "s-1", "Status": status, "Reason": reason}]}, asked
            )
        assert cancel_run(run, account.access, "s-1") == f"step s-1 of {run} is being cancelled"
        with pytest.raises(InputError, match=f"step s-1 of {run} is not cancelled: it has ended"):
            cancel_run(run, account.access, "s-1")
        emr.add_response("describe_cluster", cluster)
        with pytest.raises(InputError, match="--step 'one' names no step; wanted s-"):
            cancel_run(run, account.access, "one")


def put_log(account: EmrAccount, key: str, text: str | bytes) -> None:
    content = text.encode() if isinstance(text, str) else text
    account.put(key, gzip.compress(content) if key.endswith(".gz") else content)


def test_the_ends_of_logs_come_steps_and_driver_first_without_what_a_terminal_would_obey(account: EmrAccount) -> None:
    run = started(account)
    put_log(account, f"logs/{run}/containers/application_1/container_1_000002/stderr.gz", "executor\n")
    put_log(account, f"logs/{run}/containers/application_1/container_1_000001/stdout.gz", "1\n2\n\x1b[31m3\x07\n")
    put_log(account, f"logs/{run}/steps/s-1/stderr", "of the step\n")
    put_log(account, f"logs/{run}/node/i-1/daemons/instance-state.log.gz", "noise\n")
    assert list(log_ends(run, account.access, 2)) == [
        "== containers/application_1/container_1_000001/stdout.gz",
        "2",
        "?[31m3?",
        "== steps/s-1/stderr",
        "of the step",
        "== containers/application_1/container_1_000002/stderr.gz",
        "executor",
    ]


def test_the_logs_of_a_serverless_run_are_found(account: EmrAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    run = started_serverless(account)
    put_log(account, f"logs/applications/{run.application}/jobs/{run.job_run}/SPARK_DRIVER/stdout.gz", "made\n")
    assert list(log_ends(run, account.access, 5)) == ["== SPARK_DRIVER/stdout.gz", "made"]


def test_logs_that_are_not_there_or_cannot_be_read_are_told(account: EmrAccount) -> None:
    run = started(account)
    with pytest.raises(InputError, match=rf"{run}: no logs lie below s3://{BUCKET}/logs/{run}/ yet"):
        list(log_ends(run, account.access, 5))
    account.put(f"logs/{run}/steps/s-1/stderr.gz", b"no gzip")
    assert list(log_ends(run, account.access, 5))[1].startswith("(not readable: ")
    with pytest.raises(InputError, match="was started without a place for its logs"):
        list(log_ends(started(account, LogUri=""), account.access, 5))


def test_a_log_that_unpacks_to_more_than_any_is_cut_there(account: EmrAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_runs, "MAX_LOG_BYTES", 1000)
    run = started(account)
    put_log(account, f"logs/{run}/steps/s-1/stderr.gz", "x" * 100_000)
    assert list(log_ends(run, account.access, 5))[1] == "x" * 1000


def test_more_logs_than_a_person_reads_are_counted(account: EmrAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_runs, "MAX_LOG_FILES", 1)
    run = started(account)
    for number in range(3):
        put_log(account, f"logs/{run}/steps/s-{number}/stderr", "text\n")
    assert list(log_ends(run, account.access, 5))[-1] == f"== and 2 more below s3://{BUCKET}/logs/{run}/"
