"""The requests that start a run: files to the artifacts, then a cluster and its step, a step alone, or a serverless run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.object_upload import ENCRYPTION
from spark_jobs.emr_runs.aws_request import AwsRequest
from spark_jobs.emr_runs.cluster_settings import ClusterSettings, Fleet
from spark_jobs.emr_runs.code_package import START, CodePackage
from spark_jobs.emr_runs.job_call import JobCall
from spark_jobs.emr_runs.run_inputs import split_address

NEW_APPLICATION = "<applicationId that CreateApplication answers>"
_MANAGED_POLICY_TAG = "for-use-with-amazon-emr-managed-policies"
"""AmazonEMRServicePolicy_v2 lets EMR act on what carries this tag, and on nothing else."""


@dataclass(frozen=True)
class RunAsked:
    """All that the requests are made of."""

    call: JobCall
    settings: ClusterSettings
    spark: dict[str, str]
    region: str
    code: CodePackage
    token: str

    @property
    def name(self) -> str:
        """How the run is called in EMR."""
        return f"dhs {self.call.job} {self.call.out.rpartition('/')[2]}"

    def artifact(self, key: str) -> str:
        """Address of a file below the artifacts."""
        return f"{self.settings.artifacts}/{key}"


def upload_requests(run: RunAsked) -> list[AwsRequest]:
    """Code and small files, under names that follow from their content: sending them again changes nothing."""
    files = {run.code.zip_key: run.code.content, run.code.start_key: START}
    files |= {shipped.key: shipped.text.encode() for shipped in run.call.shipped}
    requests = []
    for key, content in files.items():
        bucket, full_key = split_address(run.artifact(key))
        requests.append(AwsRequest("s3", "PutObject", {"Bucket": bucket, "Key": full_key}, content))
    return requests


def submit_words(run: RunAsked, *, serverless: bool) -> list[str]:
    """What stands between spark-submit and the script: settings, code, archive and files."""
    words = [] if serverless else ["--deploy-mode", "cluster", "--name", run.name]
    for name, value in sorted({**run.spark, **_place(run, serverless=serverless)}.items()):
        words += ["--conf", f"{name}={value}"]
    words += ["--py-files", run.artifact(run.code.zip_key), "--archives", f"{run.settings.environment}#environment"]
    if run.call.shipped:
        words += ["--files", ",".join(run.artifact(one.key) for one in run.call.shipped)]
    return words


def step(run: RunAsked, *, alone: bool) -> dict[str, Any]:
    """A step as EMR takes it; ``alone``: the cluster is there for this step only, and ends where it fails."""
    words = [
        "spark-submit",
        *submit_words(run, serverless=False),
        run.artifact(run.code.start_key),
        run.call.job,
        *run.call.words,
    ]
    return {
        "Name": run.name,
        "ActionOnFailure": "TERMINATE_CLUSTER" if alone else "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": words},
    }


def cluster_request(run: RunAsked, *, keep: bool) -> AwsRequest:
    """A cluster of instance fleets with the run as its first step; ``keep`` leaves it for more, until it is idle."""
    settings = run.settings
    instances: dict[str, Any] = {
        "InstanceFleets": _fleets(settings.fleet),
        "KeepJobFlowAliveWhenNoSteps": keep,
        "TerminationProtected": False,
    }
    if settings.network.subnets:
        instances["Ec2SubnetIds"] = list(settings.network.subnets)
    tags = {**settings.tags, _MANAGED_POLICY_TAG: "true"}
    parameters = {
        "Name": run.name,
        "ReleaseLabel": settings.release,
        "LogUri": f"{settings.logs}/",
        "Applications": [{"Name": "Spark"}],
        "Instances": instances,
        "Steps": [step(run, alone=not keep)],
        # The driver on core nodes, which are bought on demand; from EMR 6 on YARN would put it anywhere.
        "Configurations": [
            {
                "Classification": "yarn-site",
                "Properties": {
                    "yarn.node-labels.enabled": "true",
                    "yarn.node-labels.am.default-node-label-expression": "CORE",
                },
            }
        ],
        "ServiceRole": settings.roles.service,
        "JobFlowRole": settings.roles.instances,
        "AutoTerminationPolicy": {"IdleTimeout": settings.idle_minutes * 60},
        "ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION",
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
    }
    return AwsRequest("emr", "RunJobFlow", parameters)


def step_request(run: RunAsked, cluster: str) -> AwsRequest:
    """The run as a step of a cluster that is there."""
    return AwsRequest("emr", "AddJobFlowSteps", {"JobFlowId": cluster, "Steps": [step(run, alone=False)]})


def application_request(run: RunAsked) -> AwsRequest:
    """A serverless application that stops itself when idle, no larger than what was priced."""
    pool = run.settings.serverless
    units = pool.workers + 1
    parameters = {
        "name": run.name,
        "releaseLabel": run.settings.release,
        "type": "SPARK",
        "clientToken": f"{run.token}-app",
        "maximumCapacity": {
            "cpu": f"{units * pool.worker_vcpus} vCPU",
            "memory": f"{units * pool.worker_memory_gb} GB",
            "disk": f"{units * pool.worker_disk_gb} GB",
        },
        "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": run.settings.idle_minutes},
        "tags": dict(sorted(run.settings.tags.items())),
    }
    if run.settings.network.subnets:
        parameters["networkConfiguration"] = {"subnetIds": list(run.settings.network.subnets)}
    return AwsRequest("emr-serverless", "CreateApplication", parameters)


def job_run_request(run: RunAsked, application: str) -> AwsRequest:
    """The run on a serverless application."""
    driver = {
        "entryPoint": run.artifact(run.code.start_key),
        "entryPointArguments": [run.call.job, *run.call.words],
        "sparkSubmitParameters": " ".join(submit_words(run, serverless=True)),
    }
    parameters = {
        "applicationId": application,
        "clientToken": f"{run.token}-run",
        "executionRoleArn": run.settings.roles.serverless,
        "jobDriver": {"sparkSubmit": driver},
        "configurationOverrides": {
            "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": f"{run.settings.logs}/"}}
        },
        "executionTimeoutMinutes": run.settings.run_minutes,
        "name": run.name,
        "tags": dict(sorted(run.settings.tags.items())),
    }
    return AwsRequest("emr-serverless", "StartJobRun", parameters)


def _place(run: RunAsked, *, serverless: bool) -> dict[str, str]:
    """Region and S3 endpoint for what the jobs themselves read and write: the same as the submission's, never guessed."""
    driver = "spark.emr-serverless.driverEnv" if serverless else "spark.yarn.appMasterEnv"
    place = {"AWS_REGION": run.region}
    endpoint = run.settings.endpoints.get("s3", run.settings.endpoints.get("*"))
    if endpoint:
        place["AWS_ENDPOINT_URL_S3"] = endpoint
    if run.settings.encryption:
        place[ENCRYPTION] = run.settings.encryption
    return {f"{where}.{name}": value for where in (driver, "spark.executorEnv") for name, value in place.items()}


def _fleets(fleet: Fleet) -> list[dict[str, Any]]:
    spot = fleet.task_market == "spot"
    fleets: list[dict[str, Any]] = [
        _fleet("MASTER", (fleet.primary_type,), fleet, on_demand=1),
        _fleet("CORE", fleet.worker_types, fleet, on_demand=fleet.core_workers),
    ]
    if fleet.task_workers:
        capacity = {"spot": fleet.task_workers} if spot else {"on_demand": fleet.task_workers}
        fleets.append(_fleet("TASK", fleet.worker_types, fleet, **capacity))
    return fleets


def _fleet(kind: str, types: tuple[str, ...], fleet: Fleet, *, on_demand: int = 0, spot: int = 0) -> dict[str, Any]:
    volume = {"VolumeSpecification": {"VolumeType": "gp3", "SizeInGB": fleet.disk_gib}, "VolumesPerInstance": 1}
    asked: dict[str, Any] = {
        "Name": "primary" if kind == "MASTER" else kind.lower(),
        "InstanceFleetType": kind,
        "TargetOnDemandCapacity": on_demand,
        "TargetSpotCapacity": spot,
        "InstanceTypeConfigs": [
            {"InstanceType": name, "WeightedCapacity": 1, "EbsConfiguration": {"EbsBlockDeviceConfigs": [volume]}}
            for name in types
        ],
    }
    if spot:
        asked["LaunchSpecifications"] = {
            "SpotSpecification": {
                "TimeoutDurationMinutes": fleet.spot_timeout_minutes,
                "TimeoutAction": "SWITCH_TO_ON_DEMAND",
                "AllocationStrategy": "price-capacity-optimized",
            }
        }
    return asked
