"""What a run on EMR is made of: place, roles, fleet, limits; ``deploy/emr/cluster.yaml`` explains each entry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from schemas.job_entry import InputError
from spark_jobs.emr_runs.deployment_files import Frozen


def _s3_address(text: str) -> str:
    """An object or prefix as EMR takes it."""
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if not text.startswith("s3://") or not bucket or not key.strip("/"):
        raise ValueError(f"{text!r} is no s3://bucket/key")
    return text.rstrip("/")


S3Address = Annotated[str, AfterValidator(_s3_address)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10_000)]


class Roles(Frozen):
    """Who does what; the policies of each are in ``deploy/emr/iam``."""

    service: str
    instances: str
    serverless: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$")] | None


class Network(Frozen):
    """Subnets that EMR may choose among; none means the account's default."""

    subnets: tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]+$")], ...]


class Fleet(Frozen):
    """Instances of a cluster; figures are of one worker."""

    primary_type: str
    worker_types: Annotated[tuple[str, ...], Field(min_length=1, max_length=15)]
    core_workers: Count
    task_workers: Annotated[int, Field(ge=0, le=10_000)]
    task_market: Literal["spot", "on_demand"]
    spot_timeout_minutes: Annotated[int, Field(ge=5, le=1440)]
    vcpus: Count
    yarn_megabytes: Annotated[int, Field(ge=1024)]
    network_gbit_per_second: Positive
    disk_gib: Annotated[int, Field(ge=32, le=16_000)]

    @property
    def workers(self) -> int:
        """Instances that compute."""
        return self.core_workers + self.task_workers


class ServerlessWorkers(Frozen):
    """Workers of a serverless application; figures are of one worker."""

    workers: Count
    worker_vcpus: Literal[1, 2, 4, 8, 16]
    worker_memory_gb: Annotated[int, Field(ge=2, le=120)]
    worker_disk_gb: Annotated[int, Field(ge=20, le=200)]
    network_gbit_per_second: Positive


class ClusterSettings(Frozen):
    """All of ``cluster.yaml``."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] | None
    endpoints: dict[
        Literal["emr", "emr-serverless", "s3", "iam", "sts", "*"], Annotated[str, Field(pattern=r"^https?://[^\s@]+$")]
    ]
    release: Annotated[str, Field(pattern=r"^emr-7\.\d+\.\d+$")]
    artifacts: S3Address | None
    environment: S3Address | None
    logs: S3Address | None
    encryption: Annotated[str, Field(pattern=r"^(AES256|aws:kms(:[\w:/.-]+)?)$")] | None
    budget_usd: Positive
    idle_minutes: Annotated[int, Field(ge=1, le=10_080)]
    run_minutes: Annotated[int, Field(ge=5, le=1_000_000)]
    roles: Roles
    network: Network
    fleet: Fleet
    serverless: ServerlessWorkers
    tags: dict[str, str]

    def refuse_gaps(self, *, serverless: bool) -> None:
        """InputError where an entry that only the owner of the account knows is still empty."""
        needed = {"artifacts": self.artifacts, "environment": self.environment, "logs": self.logs}
        if serverless:
            needed["roles.serverless"] = self.roles.serverless
        empty = [name for name, value in needed.items() if value is None]
        if empty:
            raise InputError(f"settings say nothing for {', '.join(empty)}; wanted them in a YAML file given with --settings")
