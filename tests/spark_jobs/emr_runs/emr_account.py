"""An account on this machine's moto with what a run on EMR needs: roles, an environment, finished runs as records alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from spark_jobs.emr_runs.aws_access import AwsAccess
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.deployment_files import read_settings
from spark_jobs.recipe import read_recipe
from tests.s3_store import BUCKET, S3Store

REGION = "eu-central-1"
ACCOUNT = "123456789012"
RECIPE = read_recipe("realistic")
SETTINGS = f"""
region: {REGION}
artifacts: s3://{BUCKET}/artifacts
environment: s3://{BUCKET}/environment/environment-0123456789ab.tar.gz
logs: s3://{BUCKET}/logs
roles: {{serverless: "arn:aws:iam::{ACCOUNT}:role/DarkHaloScopeServerless"}}
network: {{subnets: [subnet-0123456789abcdef0]}}
"""
WORDS = {
    "inject": ["--plan", f"s3://{BUCKET}/plan", "--cutouts", f"s3://{BUCKET}/cutouts", "--out", f"s3://{BUCKET}/stamps"],
    "plan": ["--recipe", "realistic", "--hosts", f"s3://{BUCKET}/hosts", "--out", f"s3://{BUCKET}/new-plan"],
    "cut-hosts": ["--hosts", f"s3://{BUCKET}/plan", "--bricks", f"s3://{BUCKET}/dr10", "--out", f"s3://{BUCKET}/cut"],
    "select-hosts": ["--sweeps", f"s3://{BUCKET}/sweeps", "--out", f"s3://{BUCKET}/new-hosts"],
    "compact": ["--source", f"s3://{BUCKET}/small-files", "--target-mb", "1", "--out", f"s3://{BUCKET}/packed"],
}


@dataclass(frozen=True)
class EmrAccount:
    """The store, the way to it, and a settings file of the account's owner."""

    store: S3Store
    access: AwsAccess
    file: Path

    @property
    def settings(self) -> ClusterSettings:
        """As the settings file has it."""
        return read_settings(ClusterSettings, "cluster.yaml", self.file)

    @property
    def place(self) -> list[str]:
        """Words that lead a command here."""
        return ["--settings", str(self.file), "--endpoint-url", self.store.url]

    def put(self, key: str, content: bytes | str) -> str:
        """An object; returns its address."""
        body = content.encode() if isinstance(content, str) else content
        self.access.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def put_run(self, prefix: str, files: dict[str, tuple[int, int]], **more: Any) -> str:
        """The record of a finished run, files as path: (rows, bytes); returns the run's address."""
        entries = [{"path": path, "rows": rows, "bytes": size, "sha256": ""} for path, (rows, size) in files.items()]
        self.put(f"{prefix}/_run.json", json.dumps({"files": entries, **more}))
        return f"s3://{BUCKET}/{prefix}"

    def remove(self, key: str) -> None:
        """Take an object away."""
        self.access.client("s3").delete_object(Bucket=BUCKET, Key=key)


@cache
def way_to(url: str) -> AwsAccess:
    """One way for all tests: making a client takes longer than a test."""
    return AwsAccess(REGION, {"*": url})


def make_account(store: S3Store, folder: Path) -> EmrAccount:
    """Everything that a run of any job wants, in place."""
    access = way_to(store.url)
    iam = access.client("iam")
    for role in ("DarkHaloScopeEmrService", "DarkHaloScopeEmrInstances", "DarkHaloScopeServerless"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="DarkHaloScopeEmrInstances")
    iam.add_role_to_instance_profile(InstanceProfileName="DarkHaloScopeEmrInstances", RoleName="DarkHaloScopeEmrInstances")
    settings = folder / "mine.yaml"
    settings.write_text(SETTINGS)
    account = EmrAccount(store, access, settings)
    account.put("environment/environment-0123456789ab.tar.gz", b"archive")
    account.put("plan/recipe.yaml", RECIPE.as_yaml())
    account.put_run(
        "plan",
        {
            f"{part}/shard-{number:05d}.parquet": (rows, 1000)
            for part, rows in (("hosts", 20), ("tasks", 50))
            for number in range(4)
        },
        recipe_hash=RECIPE.recipe_hash,
    )
    account.put_run("cutouts", {f"shard-{number:05d}.parquet": (20, 2_000_000) for number in range(4)})
    account.put_run("hosts", {"sweep.parquet": (100, 70_000)}, counts={"usable": 90})
    account.put("dr10/coadd/005/0059m305/legacysurvey-0059m305-image-r.fits.fz", b"brick")
    account.put("small-files/region_split=train/one.parquet", b"p" * 1_500_000)
    account.put("sweeps/sweep-000m005-005p000.fits", b"x" * 3_000_000)
    return account
