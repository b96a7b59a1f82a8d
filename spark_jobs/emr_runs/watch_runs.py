"""How a run goes: its state, the ends of its logs, and its end before time. A run is ``j-...`` or ``application/jobrun``."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.job_entry import InputError
from spark_jobs.emr_runs.aws_access import AbsentError, AwsAccess, asked, asked_each
from spark_jobs.emr_runs.run_inputs import Bucket
from spark_jobs.emr_runs.run_progress import progress_lines

ALIVE = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
MAX_LOG_BYTES = 64 << 20
MAX_LOG_FILES = 40
_CLUSTER = re.compile(r"j-[A-Za-z0-9]{1,64}")
_STEP = re.compile(r"s-[A-Za-z0-9]{1,64}")
_JOB_RUN = re.compile(r"([0-9a-zA-Z]{1,64})/([0-9a-zA-Z]{1,64})")
_NOT_TEXT = re.compile(r"[^\t\x20-\x7e\u00a0-\uffff]")
"""What a terminal would obey rather than show."""
_TOLD = re.compile(r"/(stdout|stderr|controller)(\.gz)?$")


@dataclass(frozen=True)
class RunName:
    """A cluster, or a run of a serverless application."""

    cluster: str = ""
    application: str = ""
    job_run: str = ""

    def __str__(self) -> str:
        return self.cluster or f"{self.application}/{self.job_run}"


def run_name(text: str) -> RunName:
    """What a person named; InputError for what is neither."""
    if _CLUSTER.fullmatch(text):
        return RunName(cluster=text)
    if match := _JOB_RUN.fullmatch(text):
        return RunName(application=match[1], job_run=match[2])
    raise InputError(f"{text!r} names no run; wanted a cluster (j-...) or application/jobrun, as submit printed it")


def status_lines(run: RunName, access: AwsAccess) -> list[str]:
    """State and reason of a run, and of each step of a cluster, newest first, with what each says of its progress."""
    bucket = Bucket(access)
    if not run.cluster:
        job = _job_run(run, access)
        return [*_serverless_status(job), *map(_shown, progress_lines(_serverless_words(job), bucket, job["state"]))]
    cluster = _cluster(run, access)
    status = cluster["Status"]
    lines = [f"{run} {status['State']} {cluster['Name']}{_reason(status.get('StateChangeReason'))}"]
    for page in asked_each(f"steps of {run}", access.client("emr").get_paginator("list_steps").paginate(ClusterId=run.cluster)):
        for each in page["Steps"]:
            state = each["Status"]
            failure = state.get("FailureDetails", {}).get("Reason") or state.get("FailureDetails", {}).get("Message")
            why = f": {_shown(failure)}" if failure else _reason(state.get("StateChangeReason"))
            lines.append(f"  {each['Id']} {state['State']} {_shown(each['Name'])}{why}")
            lines += map(_shown, progress_lines(each.get("Config", {}).get("Args", []), bucket, state["State"]))
    return lines


def clusters_alive(access: AwsAccess) -> list[str]:
    """Clusters of this account and region that cost money now."""
    pages = access.client("emr").get_paginator("list_clusters").paginate(ClusterStates=list(ALIVE))
    found = [each for page in asked_each("clusters", pages) for each in page["Clusters"]]
    return [f"{each['Id']} {each['Status']['State']} {_shown(each['Name'])}" for each in found]


def log_ends(run: RunName, access: AwsAccess, lines: int) -> Iterator[str]:
    """The last lines of what steps and drivers wrote; InputError where there are no logs (yet)."""
    bucket, prefix = Bucket(access), _log_prefix(run, access)
    names = [
        f"s3://{prefix.removeprefix('s3://').partition('/')[0]}/{entry['Key']}"
        for page in bucket.pages(prefix)
        for entry in page.get("Contents", [])
        if _TOLD.search(entry["Key"]) and entry["Size"]
    ]
    if not names:
        raise InputError(f"{run}: no logs lie below {prefix} yet; EMR brings them some minutes after they are written")
    for name in sorted(names, key=lambda name: ("_000001/" not in name and "/steps/" not in name, name))[:MAX_LOG_FILES]:
        yield f"== {name.removeprefix(prefix)}"
        yield from _last_lines(bucket.read(name, MAX_LOG_BYTES), name, lines)
    if len(names) > MAX_LOG_FILES:
        yield f"== and {len(names) - MAX_LOG_FILES} more below {prefix}"


def cancel_run(run: RunName, access: AwsAccess, step: str | None = None) -> str:
    """End a run, or one step of a cluster, which then stays; what was done, in words."""
    if not run.cluster:
        if step:
            raise InputError(f"{run} is a serverless run, which has no steps; wanted no --step")
        names = {"applicationId": run.application, "jobRunId": run.job_run}
        _job_run(run, access)
        asked(f"run {run}", lambda: access.client("emr-serverless").cancel_job_run(**names))
        return f"{run} is being cancelled"
    _cluster(run, access)
    if step is None:
        asked(f"cluster {run}", lambda: access.client("emr").terminate_job_flows(JobFlowIds=[run.cluster]))
        return f"{run} is being terminated; what it finished stays, and the same submit goes on from there"
    if not _STEP.fullmatch(step):
        raise InputError(f"--step {step!r} names no step; wanted s-..., as status prints it")
    how = {"ClusterId": run.cluster, "StepIds": [step], "StepCancellationOption": "TERMINATE_PROCESS"}
    answer = asked(f"step {step}", lambda: access.client("emr").cancel_steps(**how))
    for each in answer["CancelStepsInfoList"]:
        if each["Status"] != "SUBMITTED":
            raise InputError(f"step {step} of {run} is not cancelled: {_shown(each.get('Reason', 'no reason given'))}")
    return f"step {step} of {run} is being cancelled"


def _cluster(run: RunName, access: AwsAccess) -> dict[str, Any]:
    """InputError for a cluster that this account does not have in this region."""
    try:
        answer = asked(f"cluster {run}", lambda: access.client("emr").describe_cluster(ClusterId=run.cluster))
    except AbsentError as error:
        raise _unknown(run, access) from error
    except InputError as error:
        if "InvalidRequestException" in str(error):
            raise _unknown(run, access) from error
        raise
    cluster: dict[str, Any] = answer["Cluster"]
    return cluster


def _job_run(run: RunName, access: AwsAccess) -> dict[str, Any]:
    names = {"applicationId": run.application, "jobRunId": run.job_run}
    try:
        answer = asked(f"run {run}", lambda: access.client("emr-serverless").get_job_run(**names))
    except AbsentError as error:
        raise _unknown(run, access) from error
    found: dict[str, Any] = answer["jobRun"]
    return found


def _unknown(run: RunName, access: AwsAccess) -> InputError:
    return InputError(f"no run {run} in {access.region} of this account; wanted the name that submit printed, and its --region")


def _serverless_status(job: dict[str, Any]) -> list[str]:
    used = job.get("billedResourceUtilization") or {}
    billed = ", ".join(f"{used[name]:.2f} {name}" for name in ("vCPUHour", "memoryGBHour") if name in used)
    why = f": {_shown(job['stateDetails'])}" if job.get("stateDetails") else ""
    name = f"{job['applicationId']}/{job['jobRunId']}"
    return [f"{name} {job['state']} {_shown(job.get('name') or '')}{why}", *([f"  billed: {billed}"] if billed else [])]


def _serverless_words(job: dict[str, Any]) -> list[str]:
    words: list[str] = job.get("jobDriver", {}).get("sparkSubmit", {}).get("entryPointArguments", [])
    return words


def _log_prefix(run: RunName, access: AwsAccess) -> str:
    """Where the logs of a run lie."""
    if run.cluster:
        uri = _cluster(run, access).get("LogUri")
        below = f"{run.cluster}/"
    else:
        overrides = _job_run(run, access).get("configurationOverrides") or {}
        uri = overrides.get("monitoringConfiguration", {}).get("s3MonitoringConfiguration", {}).get("logUri")
        below = f"applications/{run.application}/jobs/{run.job_run}/"
    if not uri:
        raise InputError(f"{run} was started without a place for its logs")
    return f"s3://{re.sub(r'^s3[an]?://', '', uri).rstrip('/')}/{below}"


def _last_lines(content: bytes, name: str, lines: int) -> list[str]:
    """The end of a log, of which no more than ``MAX_LOG_BYTES`` are unpacked, without what a terminal would obey."""
    if name.endswith(".gz"):
        try:
            content = zlib.decompressobj(wbits=31).decompress(content, MAX_LOG_BYTES)
        except zlib.error as error:
            return [f"(not readable: {error})"]
    return [_shown(line) for line in content.decode("utf-8", errors="replace").splitlines()[-lines:]]


def _reason(change: dict[str, Any] | None) -> str:
    message = (change or {}).get("Message")
    return f": {_shown(message)}" if message else ""


def _shown(text: str) -> str:
    return _NOT_TEXT.sub("?", text)
