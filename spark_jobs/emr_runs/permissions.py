"""Whether a run would be allowed, asked before it is started: who asks, which roles there are, what may be read and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from schemas.job_entry import InputError
from schemas.locations import StoreUnreachableError
from spark_jobs.emr_runs.asked_place import region_of
from spark_jobs.emr_runs.aws_access import AbsentError, AwsAccess, asked
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.job_call import InputKind, JobCall
from spark_jobs.emr_runs.run_inputs import Bucket, split_address

ALLOWED = "allowed"


@dataclass(frozen=True)
class Wanted:
    """Actions of one principal on one resource."""

    principal: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    context: Mapping[str, str] = field(default_factory=dict)
    """What conditions of policies look at: the tags of a new cluster, the service that a role is passed to."""

    def as_asked(self) -> dict[str, Any]:
        """Parameters of a simulation."""
        entries = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in self.context.items()
        ]
        asked = {"PolicySourceArn": self.principal, "ActionNames": list(self.actions), "ResourceArns": list(self.resources)}
        return {**asked, "ContextEntries": entries}


def check_permissions(call: JobCall, settings: ClusterSettings, access: AwsAccess, *, serverless: bool) -> list[str]:
    """What was found, a line each; InputError where something is denied or not there.

    What cannot be asked (a caller that may not simulate policies) is said, and is no error: the run itself will tell.
    """
    caller = asked("who asks", access.client("sts").get_caller_identity)
    lines = [f"caller: {caller['Arn']}"]
    bucket = Bucket(access)
    _environment(settings, bucket)
    bucket.has_any(call.out)  # that its bucket is there and may be listed: resuming lists
    role = _serverless_role(settings, access) if serverless else _cluster_roles(settings, access)
    lines.append(f"roles: {role} is there")
    return [*lines, *_simulated(_wanted(call, settings, caller["Arn"], role, serverless=serverless), access)]


def _environment(settings: ClusterSettings, bucket: Bucket) -> None:
    address = settings.environment or ""
    try:
        bucket.size(address)
    except AbsentError as error:
        raise InputError(
            f"environment {address} is not there; wanted what deploy/emr/build_environment.sh made, uploaded"
        ) from error


def _cluster_roles(settings: ClusterSettings, access: AwsAccess) -> str:
    """ARN of the role that the instances take."""
    iam, roles = access.client("iam"), settings.roles
    try:
        asked(f"role {roles.service}", lambda: iam.get_role(RoleName=roles.service))
        profile = asked(
            f"instance profile {roles.instances}", lambda: iam.get_instance_profile(InstanceProfileName=roles.instances)
        )
    except AbsentError as error:
        raise InputError(f"{error}; wanted roles.service and roles.instances as deploy/emr/README.md makes them") from error
    held = profile["InstanceProfile"]["Roles"]
    if not held:
        raise InputError(f"instance profile {roles.instances} holds no role; wanted the one with deploy/emr/iam/instances.json")
    arn: str = held[0]["Arn"]
    return arn


def _serverless_role(settings: ClusterSettings, access: AwsAccess) -> str:
    arn = settings.roles.serverless or ""
    name = arn.rpartition("/")[2]
    try:
        asked(f"role {name}", lambda: access.client("iam").get_role(RoleName=name))
    except AbsentError as error:
        raise InputError(f"{error}; wanted roles.serverless as deploy/emr/README.md makes it") from error
    return arn


def _wanted(call: JobCall, settings: ClusterSettings, caller: str, role: str, *, serverless: bool) -> list[Wanted]:
    """What the caller and the executors' role will do."""
    place = f"{region_of(settings)}:{caller.split(':')[4]}"
    if serverless:
        taker, start = "emr-serverless.amazonaws.com", "emr-serverless:CreateApplication"
        new, tags = f"arn:aws:emr-serverless:{place}:/applications/new", {}
    else:
        taker, start = "ec2.amazonaws.com", "elasticmapreduce:RunJobFlow"
        new = f"arn:aws:elasticmapreduce:{place}:cluster/j-NEW"
        tags = {f"elasticmapreduce:RequestTag/{key}": value for key, value in settings.tags.items()}
    reads = tuple(_arn(one.address) if one.kind is InputKind.OBJECT else f"{_arn(one.address)}/one" for one in call.inputs)
    asker = _principal(caller)
    return [
        Wanted(asker, (start,), (new,), tags),
        Wanted(asker, ("iam:PassRole",), (role,), {"iam:PassedToService": taker}),
        Wanted(asker, ("s3:PutObject",), (f"{_arn(settings.artifacts or '')}/one",)),
        Wanted(role, ("s3:GetObject",), reads),
        Wanted(role, ("s3:PutObject", "s3:AbortMultipartUpload"), (f"{_arn(call.out)}/one",)),
    ]


def _simulated(wanted: list[Wanted], access: AwsAccess) -> list[str]:
    """One line of what was allowed; InputError for the first that is denied."""
    iam = access.client("iam")
    for one in wanted:
        if one.principal.endswith(":root"):
            continue
        try:
            answer = asked("simulating policies", partial(iam.simulate_principal_policy, **one.as_asked()))
        except (InputError, StoreUnreachableError) as error:
            return [f"permissions: not asked ahead ({error})"]
        denied = [each for each in answer["EvaluationResults"] if each["EvalDecision"] != ALLOWED]
        if denied:
            names = ", ".join(f"{each['EvalActionName']} on {each['EvalResourceName']}" for each in denied)
            raise InputError(f"access denied: {one.principal} may not {names}; wanted the policies of deploy/emr/iam")
    return ["permissions: allowed, by simulation of the policies"]


def _principal(caller: str) -> str:
    """The role behind a session: policies belong to it."""
    if ":assumed-role/" not in caller:
        return caller
    head, _, rest = caller.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{rest.split('/')[0]}"


def _arn(address: str) -> str:
    bucket, key = split_address(address)
    return f"arn:aws:s3:::{bucket}/{key}"
