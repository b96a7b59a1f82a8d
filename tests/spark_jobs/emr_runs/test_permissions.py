"""Permissions are asked for before a run: what is absent or denied ends it, what cannot be asked is said."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from schemas.job_entry import InputError
from spark_jobs.emr_runs.aws_access import AwsAccess
from spark_jobs.emr_runs.deployment_files import DEPLOYMENT
from spark_jobs.emr_runs.job_call import job_call
from spark_jobs.emr_runs.permissions import check_permissions
from tests.s3_store import BUCKET
from tests.spark_jobs.emr_runs.emr_account import ACCOUNT, REGION, WORDS, EmrAccount

ROLE = f"arn:aws:iam::{ACCOUNT}:role/DarkHaloScopeEmrInstances"


def checked(account: EmrAccount, serverless: bool = False) -> list[str]:
    return check_permissions(job_call("inject", WORDS["inject"]), account.settings, account.access, serverless=serverless)


class Simulator:
    """IAM whose simulation answers what a test says; moto has none."""

    def __init__(self, iam: Any, denied: str = "", caller: str = "") -> None:
        self.iam, self.denied, self.asked = iam, denied, []  # type: Any, str, list[dict[str, Any]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.iam, name)

    def simulate_principal_policy(self, **parameters: Any) -> dict[str, Any]:
        self.asked.append(parameters)
        results = [
            {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": "allowed"}
            for action in parameters["ActionNames"]
            for resource in parameters["ResourceArns"]
        ]
        for result in results:
            if result["EvalActionName"] == self.denied:
                result["EvalDecision"] = "implicitDeny"
        return {"EvaluationResults": results}


@pytest.fixture
def simulator(account: EmrAccount, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    made = Simulator(account.access.client("iam"))
    real = AwsAccess.client
    monkeypatch.setattr(AwsAccess, "client", lambda self, service: made if service == "iam" else real(self, service))
    return made


def test_who_asks_is_said_and_what_cannot_be_asked_too(account: EmrAccount) -> None:
    caller, roles, permissions = checked(account)
    assert caller == f"caller: arn:aws:sts::{ACCOUNT}:user/moto"
    assert roles == f"roles: {ROLE} is there"
    assert permissions.startswith("permissions: not asked ahead (simulating policies: ")


def entry(key: str, value: str) -> dict[str, Any]:
    return {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}


def test_what_will_be_done_is_simulated_for_the_caller_and_for_the_executors(account: EmrAccount, simulator: Simulator) -> None:
    assert checked(account)[-1] == "permissions: allowed, by simulation of the policies"
    asked = {action: (one["PolicySourceArn"], one["ResourceArns"]) for one in simulator.asked for action in one["ActionNames"]}
    caller = f"arn:aws:sts::{ACCOUNT}:user/moto"
    assert asked["elasticmapreduce:RunJobFlow"] == (caller, [f"arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:cluster/j-NEW"])
    assert asked["iam:PassRole"] == (caller, [ROLE])
    assert asked["s3:GetObject"] == (ROLE, [f"arn:aws:s3:::{BUCKET}/plan/one", f"arn:aws:s3:::{BUCKET}/cutouts/one"])
    assert asked["s3:AbortMultipartUpload"] == (ROLE, [f"arn:aws:s3:::{BUCKET}/stamps/one"])
    starting, passing = simulator.asked[:2]
    assert starting["ContextEntries"] == [entry("elasticmapreduce:RequestTag/project", "darkhaloscope")]
    assert passing["ContextEntries"] == [entry("iam:PassedToService", "ec2.amazonaws.com")]


@pytest.mark.parametrize("action", ["elasticmapreduce:RunJobFlow", "iam:PassRole", "s3:GetObject", "s3:PutObject"])
def test_an_action_that_is_denied_ends_the_run_before_it_begins(action: str, account: EmrAccount, simulator: Simulator) -> None:
    simulator.denied = action
    with pytest.raises(
        InputError, match=rf"^access denied: arn:aws:\S+ may not {action} on \S+.*; wanted the policies of deploy/emr/iam"
    ):
        checked(account)


def test_a_session_of_a_role_is_judged_by_the_role(
    account: EmrAccount, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me@home"
    monkeypatch.setattr(account.access.client("sts"), "get_caller_identity", lambda: {"Arn": arn})
    assert checked(account)[0] == f"caller: {arn}"
    assert simulator.asked[0]["PolicySourceArn"] == f"arn:aws:iam::{ACCOUNT}:role/Admin"


def test_roles_that_are_not_there_are_named(account: EmrAccount) -> None:
    iam = account.access.client("iam")
    iam.delete_role(RoleName="DarkHaloScopeEmrService")
    with pytest.raises(
        InputError, match=r"role DarkHaloScopeEmrService: it is not there .*wanted roles\.service and roles\.instances"
    ):
        checked(account)
    iam.delete_role(RoleName="DarkHaloScopeServerless")
    with pytest.raises(InputError, match=r"role DarkHaloScopeServerless: it is not there .*wanted roles\.serverless"):
        checked(account, serverless=True)


def test_an_instance_profile_that_holds_no_role_is_told(account: EmrAccount) -> None:
    names = {"InstanceProfileName": "DarkHaloScopeEmrInstances"}
    account.access.client("iam").remove_role_from_instance_profile(RoleName="DarkHaloScopeEmrInstances", **names)
    with pytest.raises(InputError, match="instance profile DarkHaloScopeEmrInstances holds no role"):
        checked(account)
    account.access.client("iam").delete_instance_profile(**names)
    with pytest.raises(InputError, match="instance profile DarkHaloScopeEmrInstances: it is not there"):
        checked(account)


def test_an_environment_that_was_not_uploaded_is_told(account: EmrAccount) -> None:
    account.remove("environment/environment-0123456789ab.tar.gz")
    with pytest.raises(
        InputError, match=r"environment s3://\S+ is not there; wanted what deploy/emr/build_environment\.sh made"
    ):
        checked(account)


def test_an_output_in_a_bucket_that_is_not_there_is_told(account: EmrAccount) -> None:
    call = job_call("inject", [*WORDS["inject"][:-1], "s3://elsewhere/stamps"])
    with pytest.raises(InputError, match=r"s3://elsewhere/stamps: it is not there \(NoSuchBucket\)"):
        check_permissions(call, account.settings, account.access, serverless=False)


def test_serverless_asks_for_its_own_action_and_role(account: EmrAccount, simulator: Simulator) -> None:
    checked(account, serverless=True)
    assert simulator.asked[0]["ActionNames"] == ["emr-serverless:CreateApplication"]
    assert simulator.asked[0]["ResourceArns"] == [f"arn:aws:emr-serverless:{REGION}:{ACCOUNT}:/applications/new"]
    assert simulator.asked[1]["ResourceArns"] == [f"arn:aws:iam::{ACCOUNT}:role/DarkHaloScopeServerless"]
    assert simulator.asked[1]["ContextEntries"][0]["ContextKeyValues"] == ["emr-serverless.amazonaws.com"]


def grants(statement: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether one statement of a shipped policy allows all of a simulation, as IAM would read it."""
    resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    context = {each["ContextKeyName"]: each["ContextKeyValues"][0] for each in asked["ContextEntries"]}
    conditions = statement.get("Condition", {}).get("StringEquals", {})
    return (
        set(asked["ActionNames"]) <= set(statement["Action"])
        and all(any(fnmatchcase(one, pattern) for pattern in resources) for one in asked["ResourceArns"])
        and all(context.get(key) in (wanted if isinstance(wanted, list) else [wanted]) for key, wanted in conditions.items())
    )


@pytest.mark.parametrize("serverless", [False, True])
def test_the_policies_that_are_shipped_allow_all_that_is_asked(
    serverless: bool, account: EmrAccount, simulator: Simulator
) -> None:
    checked(account, serverless)
    places = {"@REGION@": REGION, "@ACCOUNT@": ACCOUNT} | dict.fromkeys(
        ("@INPUTS@", "@OUTPUTS@", "@ARTIFACTS@", "@LOGS@"), BUCKET
    )
    statements: dict[str, list[dict[str, Any]]] = {}
    for name in ("submitter", "instances"):
        text = (DEPLOYMENT / "iam" / f"{name}.json").read_text()
        for place, value in places.items():
            text = text.replace(place, value)
        statements[name] = json.loads(text)["Statement"]
    for one in simulator.asked:
        of = "instances" if "role/DarkHaloScope" in one["PolicySourceArn"] else "submitter"
        assert any(grants(statement, one) for statement in statements[of]), one
    passing_to_anybody = {**simulator.asked[1], "ContextEntries": []}
    assert not any(grants(statement, passing_to_anybody) for statement in statements["submitter"])
