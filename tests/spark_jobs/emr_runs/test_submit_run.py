"""Between the call and the request that starts a run: what AWS would not take, and what its silence means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from schemas.job_entry import InputError
from schemas.locations import StoreUnreachableError
from spark_jobs import emr
from spark_jobs.emr_runs.aws_access import AwsAccess
from spark_jobs.emr_runs.aws_request import AwsRequest
from spark_jobs.emr_runs.submit_run import send_in_order
from tests.spark_jobs.emr_runs.emr_account import REGION, SETTINGS, WORDS


def test_a_request_that_aws_would_not_take_is_told_though_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SETTINGS + 'tags: {"": "a name of nothing"}\n')
    offline = ["--serverless", "--dry-run", "--offline", "--settings", str(tmp_path / "mine.yaml")]
    with pytest.raises(InputError, match=r"AWS would not take the request CreateApplication: .*tags.* length"):
        emr.main(["submit", *offline, "inject", *WORDS["inject"]])


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "heard"),
    [
        ("s3", "PutObject", {"Bucket": "b", "Key": "k"}, False),
        ("emr", "AddJobFlowSteps", {"JobFlowId": "j-ABC", "Steps": []}, True),
    ],
)
def test_only_a_request_that_starts_something_may_have_been_heard_in_silence(
    service: str, operation: str, parameters: dict[str, Any], heard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def __getattr__(self, name: str) -> Any:
            def call(**_: Any) -> None:
                raise ReadTimeoutError(endpoint_url="http://silent")

            return call

    monkeypatch.setattr(AwsAccess, "client", lambda self, service: Silent())
    with pytest.raises(StoreUnreachableError, match="AWS cannot be reached") as told:
        send_in_order([AwsRequest(service, operation, parameters)], AwsAccess(REGION))
    assert ("may have been heard" in str(told.value)) is heard
