"""A run from the call to the request that starts it: looked through for what can be wrong, and priced, before that is sent."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.job_entry import InputError
from schemas.locations import StoreUnreachableError
from spark_jobs.emr_runs.asked_place import access_of, region_of
from spark_jobs.emr_runs.aws_access import AwsAccess
from spark_jobs.emr_runs.aws_request import AwsRequest
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.code_package import code_package
from spark_jobs.emr_runs.cost_figures import Costs
from spark_jobs.emr_runs.cost_model import Prediction, cluster_workers, predict, serverless_workers
from spark_jobs.emr_runs.deployment_files import read_settings
from spark_jobs.emr_runs.job_call import JobCall
from spark_jobs.emr_runs.permissions import check_permissions
from spark_jobs.emr_runs.prediction_text import prediction_lines
from spark_jobs.emr_runs.run_inputs import Bucket, counts_of_call
from spark_jobs.emr_runs.run_requests import (
    NEW_APPLICATION,
    RunAsked,
    application_request,
    cluster_request,
    job_run_request,
    step_request,
    upload_requests,
)
from spark_jobs.emr_runs.spark_settings import SparkSettings, settings_of_job
from spark_jobs.emr_runs.watch_runs import run_name
from spark_jobs.emr_runs.workload import WORK, Counts

Say = Callable[[str], None]


@dataclass(frozen=True)
class SubmitOptions:
    """How a run is to be started. ``on``: a cluster or application that is there; ``budget`` in USD."""

    dry_run: bool = False
    offline: bool = False
    serverless: bool = False
    keep: bool = False
    on: str | None = None
    budget: float | None = None
    costs: Path | None = None
    spark_settings: Path | None = None

    def __post_init__(self) -> None:
        if self.offline and not self.dry_run:
            raise InputError("--offline without --dry-run; wanted both, since a run is started only where it can be checked")
        if self.budget is not None and not 0 < self.budget < float("inf"):
            raise InputError(f"--budget {self.budget}; wanted USD, more than 0")
        if self.serverless and self.on and not self.on.isalnum():
            raise InputError(f"--on {self.on} is no application; wanted the id that an earlier run's name begins with")
        if self.keep and (self.serverless or self.on):
            raise InputError("--keep is for a new cluster; one that is there, or an application, stays as it was made")


def submit(call: JobCall, settings: ClusterSettings, options: SubmitOptions, say: Say, show: Say) -> str:
    """Check, price, and start the run or ``show`` what would start it, as JSON; what was done, in words. Raises InputError."""
    settings.refuse_gaps(serverless=options.serverless)
    spark = read_settings(SparkSettings, "spark_settings.yaml", options.spark_settings)
    chosen = settings_of_job(spark, settings, call.job, serverless=options.serverless)
    run = RunAsked(call, settings, chosen, region_of(settings), code_package(), uuid.uuid4().hex)
    requests = [*upload_requests(run), *start_requests(run, options)]
    for request in requests:
        request.check()
    access = access_of(settings)
    if options.offline:
        say("inputs, permissions and cost: not looked at (--offline)")
    else:
        counts = counts_of_call(call, Bucket(access))
        for line in check_permissions(call, settings, access, serverless=options.serverless):
            say(line)
        agree_on_cost(call, counts, settings, options, say)
    if options.dry_run:
        show(json.dumps([request.as_printed() for request in requests], indent=2))
        return f"dry run: {len(requests)} requests printed, none sent"
    name = send_in_order(requests, access)
    return f"{call.job} runs as {name}; dhs emr status {name} --region {run.region}"


def start_requests(run: RunAsked, options: SubmitOptions) -> list[AwsRequest]:
    """What starts the run, behind the uploads."""
    if options.serverless:
        new = [] if options.on else [application_request(run)]
        return [*new, job_run_request(run, options.on or NEW_APPLICATION)]
    if options.on is None:
        return [cluster_request(run, keep=options.keep)]
    cluster = run_name(options.on).cluster
    if not cluster:
        raise InputError(f"--on {options.on} is no cluster; wanted j-..., or --serverless with an application")
    return [step_request(run, cluster)]


def send_in_order(requests: Sequence[AwsRequest], access: AwsAccess) -> str:
    """The run's name. A silence behind a request that starts something is told, since it may have been heard."""
    answer: dict[str, str] = {}
    for request in requests:
        parameters = request.parameters
        if parameters.get("applicationId") == NEW_APPLICATION:
            parameters = {**parameters, "applicationId": answer["applicationId"]}
        try:
            answer = AwsRequest(request.service, request.operation, parameters, request.body).send(access)
        except StoreUnreachableError as error:
            if request.service == "s3":
                raise
            raise StoreUnreachableError(
                f"{error}; it may have been heard all the same: look at dhs emr status before you try again"
            ) from error
    if "jobRunId" in answer:
        return f"{answer['applicationId']}/{answer['jobRunId']}"
    return answer.get("JobFlowId") or str(requests[-1].parameters["JobFlowId"])


def agree_on_cost(call: JobCall, counts: Counts, settings: ClusterSettings, options: SubmitOptions, say: Say) -> None:
    """Say what the run costs; InputError where nobody agreed to pay that much, or it is not known and nobody agreed to that."""
    costs = read_settings(Costs, "costs.yaml", options.costs)
    try:
        prediction = _prediction(call, counts, settings, costs, serverless=options.serverless)
    except InputError as error:
        say(f"cost: not predicted: {error}")
        if options.budget is None:
            raise InputError(
                f"the cost is not known ({error}); wanted --budget USD, what it may come to as you judge it"
            ) from error
        return
    for line in prediction_lines(prediction, costs, settings.region):
        say(line)
    allowed = settings.budget_usd if options.budget is None else options.budget
    if prediction.total_usd > allowed:
        where = "budget_usd of the settings" if options.budget is None else "--budget"
        raise InputError(
            f"the run is predicted to cost {prediction.total_usd:.2f} USD; {where} is {allowed:.2f}. Wanted a --budget that it "
            "fits into, or fewer or other workers"
        )


def _prediction(call: JobCall, counts: Counts, settings: ClusterSettings, costs: Costs, *, serverless: bool) -> Prediction:
    workers = serverless_workers(settings, costs) if serverless else cluster_workers(settings, costs)
    return predict(WORK[call.job](counts, costs.figures), workers, costs)
