"""Where a verb works: the settings with what the command line says of region and endpoint, and the way there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.job_entry import InputError
from spark_jobs.emr_runs.aws_access import AwsAccess
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.deployment_files import read_settings


def asked_settings(given: Mapping[str, Any]) -> ClusterSettings:
    """The settings of ``given["settings"]``, with its ``region`` and ``endpoint_url``; what is absent changes nothing."""
    own: Path | None = given.get("settings")
    content = read_settings(ClusterSettings, "cluster.yaml", own).model_dump()
    if given.get("region"):
        content["region"] = given["region"]
    if given.get("endpoint_url"):
        content["endpoints"] = {**content["endpoints"], "*": given["endpoint_url"]}
    try:
        return ClusterSettings.model_validate(content)
    except ValueError as error:
        raise InputError(f"--region or --endpoint-url cannot be used: {' '.join(str(error).split())}") from error


def region_of(settings: ClusterSettings) -> str:
    """The region; InputError where nobody named one."""
    if settings.region is None:
        raise InputError("no region: wanted --region, for example eu-central-1, or 'region' in the settings; none is guessed")
    return settings.region


def access_of(settings: ClusterSettings) -> AwsAccess:
    """The way to AWS in that region."""
    return AwsAccess(region_of(settings), {str(service): address for service, address in settings.endpoints.items()})
