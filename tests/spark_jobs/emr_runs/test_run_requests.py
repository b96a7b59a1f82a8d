"""The requests that start a run: as botocore's models of the services want them, with what was asked for, no credentials."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.job_entry import InputError
from spark_jobs.emr_runs.aws_request import AwsRequest
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.code_package import START, code_package
from spark_jobs.emr_runs.deployment_files import read_settings
from spark_jobs.emr_runs.job_call import JOBS, job_call
from spark_jobs.emr_runs.run_requests import (
    NEW_APPLICATION,
    RunAsked,
    application_request,
    cluster_request,
    job_run_request,
    step_request,
    submit_words,
    upload_requests,
)
from spark_jobs.emr_runs.spark_settings import SparkSettings, settings_of_job
from tests.s3_store import BUCKET
from tests.spark_jobs.emr_runs.emr_account import REGION, SETTINGS, WORDS

CODE = code_package()
SPARK = read_settings(SparkSettings, "spark_settings.yaml")


@pytest.fixture
def settings(tmp_path: Path) -> ClusterSettings:
    path = tmp_path / "mine.yaml"
    path.write_text(SETTINGS)
    return read_settings(ClusterSettings, "cluster.yaml", path)


def asked(settings: ClusterSettings, job: str = "inject", words: list[str] | None = None, serverless: bool = False) -> RunAsked:
    spark = settings_of_job(SPARK, settings, job, serverless=serverless)
    return RunAsked(job_call(job, words or WORDS[job]), settings, spark, REGION, CODE, "0123456789abcdef")


def conf(words: list[str]) -> dict[str, str]:
    return dict(words[at + 1].split("=", 1) for at, word in enumerate(words) if word == "--conf")  # type: ignore[misc]


def requests_of(settings: ClusterSettings, job: str) -> list[AwsRequest]:
    run, serverless = asked(settings, job), asked(settings, job, serverless=True)
    return [
        *upload_requests(run),
        cluster_request(run, keep=False),
        step_request(run, "j-ABC"),
        application_request(serverless),
        job_run_request(serverless, NEW_APPLICATION),
    ]


@pytest.mark.parametrize("job", JOBS)
def test_every_request_is_one_that_botocore_would_send(job: str, settings: ClusterSettings) -> None:
    for request in requests_of(settings, job):
        request.check()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"Name": None}, "Invalid type for parameter Name"),
        ({"Colour": "red"}, 'Unknown parameter in input: "Colour"'),
    ],
)
def test_a_request_that_aws_would_not_take_is_told_without_sending_it(
    change: dict[str, Any], told: str, settings: ClusterSettings
) -> None:
    request = cluster_request(asked(settings), keep=False)
    with pytest.raises(InputError, match=f"AWS would not take the request RunJobFlow: .*{told}"):
        replace(request, parameters={**request.parameters, **change}).check()


def test_a_cluster_is_three_fleets_with_spot_for_the_tasks_and_a_driver_on_demand(settings: ClusterSettings) -> None:
    parameters = cluster_request(asked(settings), keep=False).parameters
    primary, core, task = parameters["Instances"]["InstanceFleets"]
    assert [
        (one["InstanceFleetType"], one["TargetOnDemandCapacity"], one["TargetSpotCapacity"]) for one in (primary, core, task)
    ] == [
        ("MASTER", 1, 0),
        ("CORE", 2, 0),
        ("TASK", 0, 33),
    ]
    assert task["LaunchSpecifications"]["SpotSpecification"] == {
        "TimeoutDurationMinutes": 10,
        "TimeoutAction": "SWITCH_TO_ON_DEMAND",
        "AllocationStrategy": "price-capacity-optimized",
    }
    assert "LaunchSpecifications" not in core
    assert [one["InstanceType"] for one in task["InstanceTypeConfigs"]] == ["m5.2xlarge"]
    (yarn,) = parameters["Configurations"]
    assert yarn["Properties"]["yarn.node-labels.am.default-node-label-expression"] == "CORE"


def test_task_workers_may_be_bought_on_demand_or_left_out(settings: ClusterSettings) -> None:
    bought = settings.model_copy(update={"fleet": settings.fleet.model_copy(update={"task_market": "on_demand"})})
    task = cluster_request(asked(bought), keep=False).parameters["Instances"]["InstanceFleets"][2]
    assert (task["TargetOnDemandCapacity"], task["TargetSpotCapacity"]) == (33, 0) and "LaunchSpecifications" not in task
    none = settings.model_copy(update={"fleet": settings.fleet.model_copy(update={"task_workers": 0})})
    assert len(cluster_request(asked(none), keep=False).parameters["Instances"]["InstanceFleets"]) == 2


def test_a_cluster_ends_with_its_step_or_when_it_is_idle_and_logs(settings: ClusterSettings) -> None:
    alone, kept = (cluster_request(asked(settings), keep=keep).parameters for keep in (False, True))
    assert alone["LogUri"] == f"s3://{BUCKET}/logs/"
    assert alone["AutoTerminationPolicy"] == kept["AutoTerminationPolicy"] == {"IdleTimeout": 600}
    assert (alone["Instances"]["KeepJobFlowAliveWhenNoSteps"], kept["Instances"]["KeepJobFlowAliveWhenNoSteps"]) == (
        False,
        True,
    )
    assert alone["Instances"]["TerminationProtected"] is False
    assert (alone["Steps"][0]["ActionOnFailure"], kept["Steps"][0]["ActionOnFailure"]) == ("TERMINATE_CLUSTER", "CONTINUE")
    assert alone["Instances"]["Ec2SubnetIds"] == ["subnet-0123456789abcdef0"]
    assert {one["Key"]: one["Value"] for one in alone["Tags"]} == {
        "project": "darkhaloscope",
        "for-use-with-amazon-emr-managed-policies": "true",
    }
    assert (alone["ServiceRole"], alone["JobFlowRole"]) == ("DarkHaloScopeEmrService", "DarkHaloScopeEmrInstances")


def test_the_step_is_spark_submit_with_archive_code_and_the_jobs_own_words(settings: ClusterSettings) -> None:
    words = cluster_request(asked(settings), keep=False).parameters["Steps"][0]["HadoopJarStep"]["Args"]
    assert words[:3] == ["spark-submit", "--deploy-mode", "cluster"]
    assert words[words.index("--archives") + 1] == f"s3://{BUCKET}/environment/environment-0123456789ab.tar.gz#environment"
    assert words[words.index("--py-files") + 1] == f"s3://{BUCKET}/artifacts/{CODE.zip_key}"
    assert words[words.index(f"s3://{BUCKET}/artifacts/{CODE.start_key}") + 1 :] == ["inject", *WORDS["inject"]]
    assert "--files" not in words
    settings_given = conf(words)
    assert settings_given["spark.yarn.appMasterEnv.PYSPARK_PYTHON"] == "./environment/bin/python"
    assert settings_given["spark.executor.memoryOverhead"] == "12g"
    for place in ("spark.yarn.appMasterEnv", "spark.executorEnv"):
        assert settings_given[f"{place}.AWS_REGION"] == REGION
    assert not [name for name in settings_given if "ENDPOINT" in name]


def test_an_endpoint_of_the_settings_reaches_the_jobs_too(settings: ClusterSettings) -> None:
    own = settings.model_copy(update={"endpoints": {"s3": "https://s3.example.org", "*": "https://all.example.org"}})
    given = conf(submit_words(asked(own), serverless=False))
    assert given["spark.executorEnv.AWS_ENDPOINT_URL_S3"] == "https://s3.example.org"
    given = conf(submit_words(asked(own), serverless=True))
    assert given["spark.emr-serverless.driverEnv.AWS_ENDPOINT_URL_S3"] == "https://s3.example.org"


@pytest.mark.parametrize("serverless", [False, True])
def test_the_encryption_of_the_settings_reaches_driver_and_executors(settings: ClusterSettings, serverless: bool) -> None:
    own = settings.model_copy(update={"encryption": "aws:kms:alias/stamps"})
    given = conf(submit_words(asked(own), serverless=serverless))
    driver = "spark.emr-serverless.driverEnv" if serverless else "spark.yarn.appMasterEnv"
    assert {given[f"{place}.DHS_S3_ENCRYPTION"] for place in (driver, "spark.executorEnv")} == {"aws:kms:alias/stamps"}


def test_an_own_recipe_travels_under_a_name_of_its_content(settings: ClusterSettings, tmp_path: Path) -> None:
    own = tmp_path / "few.yaml"
    own.write_text("based_on: realistic\nname: few\n")
    run = asked(settings, "plan", ["--recipe", str(own), *WORDS["plan"][2:]])
    words = submit_words(run, serverless=False)
    (shipped,) = run.call.shipped
    assert words[words.index("--files") + 1] == f"s3://{BUCKET}/artifacts/{shipped.key}"
    uploads = {request.parameters["Key"]: request.body for request in upload_requests(run)}
    assert uploads == {
        f"artifacts/{CODE.zip_key}": CODE.content,
        f"artifacts/{CODE.start_key}": START,
        f"artifacts/{shipped.key}": shipped.text.encode(),
    }


def test_a_serverless_run_is_an_application_of_the_priced_size_and_one_job(settings: ClusterSettings) -> None:
    run = asked(settings, serverless=True)
    application = application_request(run).parameters
    assert application["maximumCapacity"] == {"cpu": "284 vCPU", "memory": "1136 GB", "disk": "2840 GB"}
    assert application["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 10}
    assert application["networkConfiguration"] == {"subnetIds": ["subnet-0123456789abcdef0"]}
    job = job_run_request(run, "00abc").parameters
    assert (job["applicationId"], job["executionTimeoutMinutes"]) == ("00abc", 720)
    assert job["executionRoleArn"] == "arn:aws:iam::123456789012:role/DarkHaloScopeServerless"
    logging = job["configurationOverrides"]["monitoringConfiguration"]["s3MonitoringConfiguration"]
    assert logging == {"logUri": f"s3://{BUCKET}/logs/"}
    driver = job["jobDriver"]["sparkSubmit"]
    assert driver["entryPointArguments"] == ["inject", *WORDS["inject"]]
    assert shlex.split(driver["sparkSubmitParameters"]) == submit_words(run, serverless=True)
    assert "--deploy-mode" not in driver["sparkSubmitParameters"] and "yarn" not in driver["sparkSubmitParameters"]
    assert application["clientToken"] != job["clientToken"]


def test_a_body_is_printed_as_its_hash(settings: ClusterSettings) -> None:
    printed = upload_requests(asked(settings))[0].as_printed()
    assert printed["body"] == {"bytes": len(CODE.content), "sha256": hashlib.sha256(CODE.content).hexdigest()}
    assert json.loads(json.dumps(printed)) == printed


@pytest.mark.parametrize("job", JOBS)
def test_no_request_names_credentials_whatever_the_environment_holds(
    job: str, settings: ClusterSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATHISISHIDDEN0000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "thisishiddentoo")
    text = json.dumps([request.as_printed() for request in requests_of(settings, job)])
    assert "hidden" not in text.lower() and "ACCESS_KEY" not in text
