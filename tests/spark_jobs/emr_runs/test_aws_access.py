"""What AWS refuses, in one sentence each; clients go where they are told, and credentials come from boto3's chain alone."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError

from schemas.job_entry import InputError
from schemas.locations import StoreUnreachableError
from spark_jobs.emr_runs.aws_access import AbsentError, AwsAccess, asked, asked_each


def refusal(code: str, status: int = 400, message: str = "said so") -> exceptions.ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(answer, "DoThis")


def raising(error: Exception) -> Any:
    def question() -> None:
        raise error

    return question


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (exceptions.NoCredentialsError(), InputError, "no AWS credentials were found; wanted boto3's own chain"),
        (
            exceptions.ProfileNotFound(profile="mine"),
            InputError,
            r"credentials cannot be used \(.*mine.*\); wanted boto3's own",
        ),
        (
            refusal("AccessDenied", 403),
            InputError,
            r"access denied to DoThis; wanted a caller whose policy allows it \(deploy/emr/iam",
        ),
        (refusal("403", 403), InputError, "access denied to DoThis"),
        (
            refusal("ExpiredToken"),
            InputError,
            r"AWS does not take these credentials \(ExpiredToken\); wanted boto3's own chain",
        ),
        (refusal("InvalidAccessKeyId", 403), InputError, r"AWS does not take these credentials \(InvalidAccessKeyId\)"),
        (refusal("NoSuchKey", 404), AbsentError, r"it is not there \(NoSuchKey\)"),
        (refusal("ResourceNotFoundException", 404), AbsentError, "it is not there"),
        (refusal("ValidationException"), InputError, "AWS refuses DoThis: ValidationException: said so"),
        (refusal("SlowDown", 503), StoreUnreachableError, r"AWS cannot answer DoThis for now \(SlowDown\)"),
        (refusal("Strange", 500), StoreUnreachableError, r"AWS cannot answer DoThis for now \(Strange\)"),
        (exceptions.EndpointConnectionError(endpoint_url="http://x"), StoreUnreachableError, "AWS cannot be reached"),
        (exceptions.ReadTimeoutError(endpoint_url="http://x"), StoreUnreachableError, "AWS cannot be reached"),
        (
            ResponseParserError("no XML"),
            StoreUnreachableError,
            "AWS cannot be reached: what answers there is no service of AWS",
        ),
        (
            exceptions.ParamValidationError(report="bad\nparameter"),
            InputError,
            "AWS would not take this request: .*bad parameter",
        ),
        (exceptions.UnknownServiceError(service_name="x", known_service_names="y"), InputError, "Unknown service"),
    ],
)
def test_each_refusal_is_one_sentence_that_begins_with_what_was_asked(
    error: Exception, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=rf"^the thing: .*{told}|^the thing: {told}") as seen:
        asked("the thing", raising(error))
    assert "\n" not in str(seen.value) and type(seen.value) is kind


def test_other_faults_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        asked("the thing", lambda: 1 // 0)


def test_pages_are_asked_for_one_after_the_other() -> None:
    def pages() -> Any:
        yield {"number": 1}
        raise refusal("AccessDenied", 403)

    found = asked_each("the list", pages())
    assert next(found) == {"number": 1}
    with pytest.raises(InputError, match=r"^the list: access denied"):
        next(found)
    assert list(asked_each("the list", [{"a": 1}, {"a": 2}])) == [{"a": 1}, {"a": 2}]


def test_clients_go_to_the_region_and_endpoint_that_they_are_told_and_not_to_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-west-2")
    access = AwsAccess("eu-central-1", {"s3": "http://127.0.0.1:1", "*": "http://127.0.0.1:2"})
    assert access.client("s3").meta.endpoint_url == "http://127.0.0.1:1"
    assert access.client("sts").meta.endpoint_url == "http://127.0.0.1:2"
    assert access.client("sts").meta.region_name == "eu-central-1"
    assert access.client("s3") is access.client("s3")


def test_what_starts_a_cluster_is_sent_once_and_reads_are_tried_again() -> None:
    access = AwsAccess("eu-central-1", {"*": "http://127.0.0.1:9"})
    attempts = {name: access.client(name).meta.config.retries["total_max_attempts"] for name in ("emr", "s3", "emr-serverless")}
    assert attempts == {"emr": 1, "s3": 4, "emr-serverless": 4}  # serverless requests carry a token that makes them one


def test_without_credentials_the_chain_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    access = AwsAccess("eu-central-1", {"*": "http://127.0.0.1:9"})
    with pytest.raises(InputError, match="no AWS credentials were found; wanted boto3's own chain to find some: AWS_PROFILE"):
        asked("who asks", access.client("sts").get_caller_identity)
