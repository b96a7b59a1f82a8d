"""``dhs emr``: what is typed and what is seen, from a dry run to a run that is cancelled, against moto and no cloud."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_DONE, EXIT_UNREACHABLE, InputError, run_job
from schemas.locations import StoreUnreachableError
from spark_jobs import emr
from spark_jobs.emr_runs.aws_access import AwsAccess
from spark_jobs.emr_runs.deployment_files import DEPLOYMENT
from tests.s3_store import BUCKET
from tests.spark_jobs.emr_runs.conftest import account as _account
from tests.spark_jobs.emr_runs.emr_account import SETTINGS, WORDS, EmrAccount, way_to

account = _account  # the fixture
READS = (
    "GetObject",
    "HeadObject",
    "ListObjectsV2",
    "GetCallerIdentity",
    "GetRole",
    "GetInstanceProfile",
    "SimulatePrincipalPolicy",
)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Every request that boto3 was asked to send, by operation, in order; the clients are the tests' own."""
    heard: list[tuple[str, dict[str, Any]]] = []
    real = AwsAccess.client

    def hear(params: dict[str, Any], model: Any, **_: Any) -> None:
        heard.append((model.name, params))

    def listening(self: AwsAccess, service: str) -> Any:
        client = real(way_to(self.endpoints["*"]), service)
        client.meta.events.unregister("provide-client-params", unique_id="listening")
        client.meta.events.register("provide-client-params", hear, unique_id="listening")
        return client

    monkeypatch.setattr(AwsAccess, "client", listening)
    return heard


def submitted(account: EmrAccount, *words: str, job: str = "inject", more: list[str] | None = None) -> int:
    return emr.main(["submit", *words, job, *(more or WORDS[job]), *account.place])


def printed_requests(text: str) -> list[dict[str, Any]]:
    """A dry run's output: JSON and nothing else."""
    found: list[dict[str, Any]] = json.loads(text)
    return found


def operations(sent: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [name for name, _ in sent if name not in READS]


def test_a_dry_run_checks_prices_prints_the_requests_and_sends_none(
    account: EmrAccount, sent: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert submitted(account, "--dry-run") == EXIT_DONE
    printed, said = capsys.readouterr()
    assert "work: 200 tasks in 4 shards; reads 8.01 MB, writes 9.32 MB" in said
    assert re.search(r"time: 0\.\d\d h on 35 x m5\.2xlarge, \d+\.\d instance-hours", said)
    assert re.search(r"money: \d+\.\d\d USD \(on demand", said) and "prices: us-east-1" in said
    requests = printed_requests(printed)
    assert [(one["service"], one["operation"]) for one in requests] == [
        ("s3", "PutObject"),
        ("s3", "PutObject"),
        ("emr", "RunJobFlow"),
    ]
    assert said.endswith("dhs emr: dry run: 3 requests printed, none sent\n")
    assert operations(sent) == []


def test_what_a_dry_run_prints_is_what_a_run_sends(
    account: EmrAccount, sent: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    submitted(account, "--dry-run")
    printed = printed_requests(capsys.readouterr().out)
    assert submitted(account) == EXIT_DONE
    changes = [(name, params) for name, params in sent if name not in READS]
    assert [name for name, _ in changes] == ["PutObject", "PutObject", "RunJobFlow"]
    for (_, params), one in zip(changes, printed, strict=True):
        assert {key: value for key, value in params.items() if key != "Body"} == one["parameters"]


def test_a_run_is_started_watched_and_ended(account: EmrAccount, capsys: pytest.CaptureFixture[str]) -> None:
    assert submitted(account, "--keep") == EXIT_DONE
    closing = capsys.readouterr().out.splitlines()[-1]
    cluster = re.fullmatch(r"dhs emr: inject runs as (j-\w+); dhs emr status \1 --region eu-central-1", closing)[1]  # type: ignore[index]
    code = account.access.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="artifacts/code/")["Contents"]
    assert [entry["Key"].rsplit("/", 1)[1] for entry in code] == ["darkhaloscope.zip", "start.py"]
    assert submitted(account, "--on", cluster, job="cut-hosts") == EXIT_DONE
    capsys.readouterr()
    assert emr.main(["status", cluster, *account.place]) == EXIT_DONE
    assert [line.split()[2:4] for line in capsys.readouterr().out.splitlines()[1:]] == [["dhs", "cut-hosts"], ["dhs", "inject"]]
    assert emr.main(["status", *account.place]) == EXIT_DONE
    assert capsys.readouterr().out.splitlines()[-1] == "dhs emr: 1 clusters alive in eu-central-1"
    account.put(f"logs/{cluster}/steps/s-1/stderr", b"made\n")
    assert emr.main(["logs", cluster, *account.place]) == EXIT_DONE
    assert capsys.readouterr().out.splitlines() == ["== steps/s-1/stderr", "made"]
    assert emr.main(["cancel", cluster, *account.place]) == EXIT_DONE
    assert capsys.readouterr().out.startswith(f"dhs emr: {cluster} is being terminated")


def test_a_serverless_run_is_started_in_the_application_that_was_made_for_it(
    account: EmrAccount, sent: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert submitted(account, "--serverless", "--dry-run") == EXIT_DONE
    assert printed_requests(capsys.readouterr().out)[-1]["parameters"]["applicationId"].startswith("<applicationId that")
    assert submitted(account, "--serverless") == EXIT_DONE
    said = capsys.readouterr().out
    assert "35 x" not in said and "70 x serverless workers of 4 vCPU" in said
    name = re.search(r"inject runs as (\w+)/(\w+);", said)
    assert name and operations(sent)[-2:] == ["CreateApplication", "StartJobRun"]
    assert sent[-1][1]["applicationId"] == name[1]
    assert submitted(account, "--serverless", "--on", name[1]) == EXIT_DONE
    assert operations(sent).count("CreateApplication") == 1


def test_options_of_submit_may_stand_before_and_behind_the_job(
    account: EmrAccount, sent: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert emr.main(["submit", *account.place, "inject", "--dry-run", *WORDS["inject"], "--serverless"]) == EXIT_DONE
    assert printed_requests(capsys.readouterr().out)[-1]["operation"] == "StartJobRun"
    assert operations(sent) == []


def test_offline_nothing_is_asked_at_all(sent: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.yaml").write_text(SETTINGS)
    words = ["submit", "inject", *WORDS["inject"], "--dry-run", "--offline", "--settings", str(tmp_path / "mine.yaml")]
    assert emr.main(words) == EXIT_DONE
    printed, said = capsys.readouterr()
    assert said.startswith("inputs, permissions and cost: not looked at (--offline)\n")
    assert len(printed_requests(printed)) == 3 and sent == []


def test_a_run_above_the_budget_needs_to_be_allowed(
    account: EmrAccount, sent: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account.file.write_text(SETTINGS + "budget_usd: 0.5\n")
    with pytest.raises(
        InputError, match=r"predicted to cost \d\.\d\d USD; budget_usd of the settings is 0\.50\. Wanted a --budget"
    ):
        submitted(account)
    with pytest.raises(InputError, match=r"--budget is 0\.60\. Wanted a --budget that it fits into"):
        submitted(account, "--budget", "0.6")
    assert operations(sent) == []
    assert submitted(account, "--budget", "50") == EXIT_DONE
    assert operations(sent)[-1] == "RunJobFlow"


def test_a_run_whose_cost_is_not_known_needs_a_budget_too(
    account: EmrAccount, sent: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = "{value: null, measured: false, source: nobody looked at it}"
    (tmp_path / "costs.yaml").write_text(f"figures: {{select_megabytes_per_core_second: {unknown}}}")
    costs = ["--costs", str(tmp_path / "costs.yaml")]
    with pytest.raises(InputError, match=r"the cost is not known .*select_megabytes.*; wanted --budget USD"):
        submitted(account, *costs, job="select-hosts")
    assert operations(sent) == []
    assert submitted(account, *costs, "--budget", "5", job="select-hosts") == EXIT_DONE
    assert "cost: not predicted: there is no figure select_megabytes_per_core_second" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--offline"], "--offline without --dry-run; wanted both"),
        (["--budget", "0"], r"--budget 0\.0; wanted USD, more than 0"),
        (["--budget", "nan"], "--budget nan; wanted USD, more than 0"),
        (["--keep", "--serverless"], "--keep is for a new cluster"),
        (["--keep", "--on", "j-ABC"], "--keep is for a new cluster"),
        (["--on", "00abc"], "(names no run|is no cluster); wanted"),
        (["--on", "00abc/00def"], "--on 00abc/00def is no cluster; wanted j-"),
        (["--on", "a/b", "--serverless"], "--on a/b is no application; wanted the id"),
        (["--region", "Europe"], "--region or --endpoint-url cannot be used: .*String should match pattern"),
        (["--endpoint-url", "file:///etc"], "--region or --endpoint-url cannot be used"),
    ],
)
def test_options_that_cannot_be_used_are_told_before_anything_is_asked(
    words: list[str], told: str, sent: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(SETTINGS)
    with pytest.raises(InputError, match=told):
        emr.main(["submit", *words, "inject", *WORDS["inject"], "--settings", str(tmp_path / "mine.yaml")])
    assert sent == []


def test_a_silence_where_a_cluster_may_have_been_started_is_told_so(
    account: EmrAccount, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def silent(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="http://emr")

    real = AwsAccess.client

    def mute(self: AwsAccess, service: str) -> Any:
        client = real(self, service)
        if service == "emr":
            client.run_job_flow = silent
        return client

    monkeypatch.setattr(AwsAccess, "client", mute)
    with pytest.raises(
        StoreUnreachableError, match=r"RunJobFlow: AWS cannot be reached.*; it may have been heard all the same: look at dhs"
    ):
        submitted(account)


def test_bad_input_is_one_line_and_an_aws_that_is_silent_another_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_job("emr", emr.main, ["submit", "train", "--stamps", "s3://b/k"]) == EXIT_BAD_INPUT
    assert capsys.readouterr().err.startswith("dhs emr: error: no job 'train' runs on EMR; wanted one of ")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    words = ["status", "j-ABC", "--region", "eu-central-1", "--endpoint-url", "http://127.0.0.1:9"]
    assert run_job("emr", emr.main, words) == EXIT_UNREACHABLE
    assert capsys.readouterr().err.startswith("dhs emr: error: cluster j-ABC: AWS cannot be reached")
    assert run_job("emr", emr.main, ["logs", "j-ABC", "--region", "eu-central-1", "--lines", "0"]) == EXIT_BAD_INPUT


def test_credentials_are_neither_printed_nor_sent_in_a_request(
    account: EmrAccount, sent: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "nobodymayseethis")
    submitted(account, "--dry-run")
    submitted(account)
    said = capsys.readouterr()
    assert not re.search(r"nobodymayseethis|ACCESS_KEY|testing", said.out + said.err)
    assert not re.search(r"nobodymayseethis|ACCESS_KEY|testing", repr([one for one in sent if one[0] == "RunJobFlow"]))


def test_every_call_that_is_made_is_in_the_submitters_policy_and_no_action_is_there_for_nothing(
    account: EmrAccount, sent: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    submitted(account, "--keep")
    cluster = re.findall(r"j-\w+", capsys.readouterr().out)[-1]
    submitted(account, "--on", cluster)
    submitted(account, "--serverless")
    run = re.findall(r"runs as (\S+);", capsys.readouterr().out)[-1]
    account.put(f"logs/{cluster}/steps/s-1/stderr", b"made\n")
    for words in (["status"], ["status", cluster], ["logs", cluster], ["cancel", cluster], ["status", run], ["cancel", run]):
        emr.main([*words, *account.place])
    made = {_action(name) for name, params in sent if "RoleArn" not in str(name)} - {
        "sts:GetCallerIdentity",
        "iam:SimulatePrincipalPolicy",
    }
    allowed = {
        action
        for statement in json.loads((DEPLOYMENT / "iam" / "submitter.json").read_text())["Statement"]
        for action in statement["Action"]
    }
    assert made - allowed == set()
    # Those that no call of ours is named after (tags, a role and an idle limit ask for them), and what moto lacks.
    assert allowed - made == {
        "elasticmapreduce:AddTags",
        "elasticmapreduce:PutAutoTerminationPolicy",
        "elasticmapreduce:CancelSteps",
        "emr-serverless:TagResource",
        "iam:PassRole",
        "iam:SimulatePrincipalPolicy",
    }


def _action(operation: str) -> str:
    """IAM's name of an operation."""
    if operation in ("CreateApplication", "StartJobRun", "GetJobRun", "CancelJobRun"):
        return f"emr-serverless:{operation}"
    if operation in ("GetRole", "GetInstanceProfile", "SimulatePrincipalPolicy"):
        return f"iam:{operation}"
    if operation == "GetCallerIdentity":
        return f"sts:{operation}"
    named = {"HeadObject": "GetObject", "ListObjectsV2": "ListBucket"}.get(operation, operation)
    return f"{'s3' if named in ('GetObject', 'ListBucket', 'PutObject') else 'elasticmapreduce'}:{named}"
