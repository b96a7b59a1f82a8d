"""A request to AWS as data: printed, held against botocore's own model of the service, and sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from schemas.job_entry import InputError
from spark_jobs.emr_runs.aws_access import AwsAccess, asked


@cache
def _service_model(service: str) -> Any:
    import botocore.session

    return botocore.session.Session().get_service_model(service)


@dataclass(frozen=True)
class AwsRequest:
    """``parameters`` as boto3 takes them. A body is named by its hash where the request is printed."""

    service: str
    operation: str
    parameters: dict[str, Any]
    body: bytes | None = field(default=None, repr=False)

    def as_printed(self) -> dict[str, Any]:
        """For JSON."""
        printed: dict[str, Any] = {"service": self.service, "operation": self.operation, "parameters": self.parameters}
        if self.body is not None:
            printed["body"] = {"bytes": len(self.body), "sha256": hashlib.sha256(self.body).hexdigest()}
        return printed

    def check(self) -> None:
        """InputError where botocore's model of the service does not know a parameter, or lacks one. Nothing is sent."""
        from botocore.validate import ParamValidator

        model = _service_model(self.service).operation_model(self.operation)
        report = ParamValidator().validate(self._arguments(), model.input_shape)
        if report.has_errors():
            raise InputError(f"AWS would not take the request {self.operation}: {' '.join(report.generate_report().split())}")

    def send(self, access: AwsAccess) -> dict[str, Any]:
        """What AWS answers; InputError or StoreUnreachableError where it does not do as asked."""
        from botocore import xform_name

        call = getattr(access.client(self.service), xform_name(self.operation))
        answer: dict[str, Any] = asked(self.operation, lambda: call(**self._arguments()))
        return answer

    def _arguments(self) -> dict[str, Any]:
        return self.parameters if self.body is None else {**self.parameters, "Body": self.body}
