"""Settings of a deployment: entries that differ are merged in, what cannot be used is named, and credentials are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from schemas.job_entry import InputError
from spark_jobs.emr_runs import deployment_files
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.cost_figures import Costs
from spark_jobs.emr_runs.deployment_files import DEPLOYMENT, merged, read_settings
from spark_jobs.emr_runs.spark_settings import SparkSettings


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_an_own_file_changes_the_entries_that_it_has_and_no_others(tmp_path: Path) -> None:
    own = written(tmp_path, "region: eu-central-1\nfleet: {task_workers: 3}\n")
    packaged, changed = read_settings(ClusterSettings, "cluster.yaml"), read_settings(ClusterSettings, "cluster.yaml", own)
    assert (packaged.region, packaged.fleet.task_workers) == (None, 33)
    assert changed == packaged.model_copy(
        update={"region": "eu-central-1", "fleet": packaged.fleet.model_copy(update={"task_workers": 3})}
    )


def test_merging_replaces_lists_and_leaves_the_base_as_it_was() -> None:
    base = {"a": {"b": [1, 2], "c": 3}}
    assert merged(base, {"a": {"b": [4]}, "d": 5}) == {"a": {"b": [4], "c": 3}, "d": 5}
    assert base == {"a": {"b": [1, 2], "c": 3}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("regoin: eu-central-1", "regoin: Extra inputs are not permitted"),
        ("region: Europe", "region: String should match pattern"),
        ("region: &a eu-central-1\nlogs: *a", "uses YAML aliases"),
        ("budget_usd: -1", "budget_usd: Input should be greater than 0"),
        ("budget_usd: .inf", "budget_usd: Input should be a finite number"),
        ("artifacts: /home/me", "artifacts: Value error, '/home/me' is no s3://bucket/key"),
        ("artifacts: s3://bucket", "artifacts: Value error, 's3://bucket' is no s3://bucket/key"),
        ("fleet: {task_market: auction}", "fleet.task_market: Input should be 'spot' or 'on_demand'"),
        ("fleet: {spot_timeout_minutes: 1}", "fleet.spot_timeout_minutes: Input should be greater than or equal to 5"),
        ("roles: {serverless: admin}", "roles.serverless: String should match pattern"),
        ("network: {subnets: [here]}", "network.subnets.0: String should match pattern"),
        ("endpoints: {s3: file:///etc}", "endpoints.s3: String should match pattern"),
        ("endpoints: {ec2: 'https://x'}", "endpoints.ec2.[key]: Input should be"),
        ("release: emr-6.15.0", "release: String should match pattern"),
        ("[1, 2]", "holds list; wanted a mapping"),
        ("!!python/object/apply:os.system ['true']", "is not YAML: could not determine a constructor"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named(text: str, told: str, tmp_path: Path) -> None:
    own = written(tmp_path, text)
    with pytest.raises(InputError, match=rf"^(settings )?{re.escape(str(own))}.*{re.escape(told)}"):
        read_settings(ClusterSettings, "cluster.yaml", own)


@pytest.mark.parametrize(
    "text",
    [
        "aws_access_key_id: hidden",
        "aws_secret_access_key: hidden",
        "tags: {password: hidden}",
        "tags: {note: AKIAIOSFODNN7EXAMPLE}",
        "roles: {credentials: {a: hidden}}",
        "endpoints: {s3: 'https://me:hidden@host'}",
        "network: {subnets: [{session_token: hidden}]}",
    ],
)
def test_credentials_are_refused_and_not_repeated(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="looks like credentials, which have no place there; wanted boto3's own chain") as told:
        read_settings(ClusterSettings, "cluster.yaml", written(tmp_path, text))
    assert "hidden" not in str(told.value) and "EXAMPLE" not in str(told.value)


def test_a_file_that_is_absent_huge_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"settings .*none\.yaml are not there; wanted a YAML file"):
        read_settings(ClusterSettings, "cluster.yaml", tmp_path / "none.yaml")
    with pytest.raises(InputError, match=r"have 1048577 bytes; at most 1048576 are read"):
        read_settings(ClusterSettings, "cluster.yaml", written(tmp_path, "#" * (deployment_files.MAX_BYTES + 1)))
    (tmp_path / "bytes.yaml").write_bytes(b"region: \xff")
    with pytest.raises(InputError, match="are not UTF-8 text"):
        read_settings(ClusterSettings, "cluster.yaml", tmp_path / "bytes.yaml")


def test_without_a_checkout_the_command_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(deployment_files, "DEPLOYMENT", tmp_path)
    with pytest.raises(InputError, match=r"cluster\.yaml is not there; wanted dhs emr to be run from a checkout"):
        read_settings(ClusterSettings, "cluster.yaml")


def test_the_gaps_that_only_an_owner_can_fill_are_named() -> None:
    settings = read_settings(ClusterSettings, "cluster.yaml")
    with pytest.raises(InputError, match="settings say nothing for artifacts, environment, logs; wanted them in a YAML file"):
        settings.refuse_gaps(serverless=False)
    with pytest.raises(InputError, match=r"for artifacts, environment, logs, roles\.serverless;"):
        settings.refuse_gaps(serverless=True)


@pytest.mark.parametrize(
    "kind", [(ClusterSettings, "cluster.yaml"), (Costs, "costs.yaml"), (SparkSettings, "spark_settings.yaml")]
)
def test_the_packaged_files_can_be_read(kind: tuple[type[ClusterSettings], str]) -> None:
    read_settings(*kind)


def test_every_spark_setting_has_its_reason_and_every_figure_its_source() -> None:
    spark = yaml.safe_load((DEPLOYMENT / "spark_settings.yaml").read_text())
    blocks = [spark["every_job"], spark["cluster"], spark["serverless"], *spark["jobs"].values()]
    assert all(len(setting["reason"].split()) > 3 for block in blocks for setting in block.values())
    figures = yaml.safe_load((DEPLOYMENT / "costs.yaml").read_text())["figures"].values()
    assert all(figure["source"] and ("date" in figure) == figure["measured"] for figure in figures)
    assert sum(figure["measured"] for figure in figures) >= 10
