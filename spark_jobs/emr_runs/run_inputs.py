"""What a call's inputs are, read from S3: that they stand, that recipe and record agree, how many rows and bytes they hold."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from schemas.job_entry import InputError
from schemas.locations import S3
from schemas.run_record import FINISHED_NAME, STARTED_NAME
from spark_jobs.emr_runs.aws_access import AbsentError, AwsAccess, asked, asked_each
from spark_jobs.emr_runs.job_call import InputKind, JobCall, JobInput
from spark_jobs.emr_runs.paper_run import BRICKS, STAMPS_PER_SHARD
from spark_jobs.emr_runs.workload import Counts
from spark_jobs.recipe import Recipe, parse_recipe

MAX_RECORD_BYTES = 256 << 20
RECIPE_FILE = "recipe.yaml"


@dataclass(frozen=True)
class Bucket:
    """S3 through boto3: the region and endpoint of the settings, not of the environment."""

    access: AwsAccess

    def read(self, address: str, limit: int = MAX_RECORD_BYTES) -> bytes:
        """A whole small object; AbsentError where it is not there, InputError where it is larger than ``limit`` bytes."""
        bucket, key = split_address(address)
        answer = asked(address, lambda: self.access.client("s3").get_object(Bucket=bucket, Key=key))
        if answer["ContentLength"] > limit:
            raise InputError(f"{address} has {answer['ContentLength']} bytes; at most {limit} are read")
        content: bytes = asked(address, answer["Body"].read)
        return content

    def size(self, address: str) -> int:
        """Bytes of an object; AbsentError where it is not there."""
        bucket, key = split_address(address)
        found: int = asked(address, lambda: self.access.client("s3").head_object(Bucket=bucket, Key=key))["ContentLength"]
        return found

    def pages(self, address: str, page_size: int = 1000) -> Iterator[dict[str, Any]]:
        """Listing pages of what lies below a prefix, or has it for its name."""
        bucket, key = split_address(address)
        arguments = {"Bucket": bucket, "Prefix": key, "PaginationConfig": {"PageSize": page_size}}
        return asked_each(address, self.access.client("s3").get_paginator("list_objects_v2").paginate(**arguments))

    def has_any(self, address: str) -> bool:
        """Whether something lies below a prefix or is called so: one request."""
        return any(page.get("KeyCount") for page in islice(self.pages(address, 1), 1))


def split_address(address: str) -> tuple[str, str]:
    """Bucket and key."""
    bucket, _, key = address.removeprefix(S3).partition("/")
    return bucket, key


def counts_of_call(call: JobCall, bucket: Bucket) -> Counts:
    """Rows, shards and bytes of the call's inputs; InputError where an input is absent, unfinished or of another recipe."""
    records = {one.option: _record(one, bucket) for one in call.inputs if one.kind is InputKind.RUN}
    for one in call.inputs:
        if one.kind is InputKind.OBJECT:
            _refuse_absent(one, bucket)
        elif one.kind is InputKind.PREFIX and not bucket.has_any(one.address):
            raise InputError(f"--{_option(one)} {one.address}: nothing lies there")
    return _COUNTS[call.job](call, records, bucket)


def recipe_of_plan(plan: str, record: dict[str, Any], bucket: Bucket) -> Recipe:
    """The recipe that lies in a plan, read by this code; InputError where it is not the one that the plan was made with."""
    address = f"{plan}/{RECIPE_FILE}"
    try:
        text = bucket.read(address, 1 << 20).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{address} is not UTF-8 text") from error
    recipe = parse_recipe(text, address)
    if recipe.recipe_hash != record.get("recipe_hash"):
        raise InputError(
            f"{address} has hash {recipe.recipe_hash}; the plan was made with {record.get('recipe_hash')}. The recipe was "
            "changed, or the code reads it in another way: plan again."
        )
    return recipe


def _record(one: JobInput, bucket: Bucket) -> dict[str, Any]:
    try:
        content = bucket.read(f"{one.address}/{FINISHED_NAME}")
    except AbsentError as error:
        begun = bucket.has_any(f"{one.address}/{STARTED_NAME}")
        state = "an unfinished run" if begun else "no run"
        raise InputError(f"--{_option(one)} {one.address} holds {state}: {FINISHED_NAME} is not there") from error
    try:
        record = json.loads(content)
        files = record["files"]
        rows = [int(entry["rows"]) for entry in files]
        total = sum(int(entry["bytes"]) for entry in files)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{one.address}/{FINISHED_NAME} is no record of a run ({type(error).__name__}: {error})") from error
    if min(rows, default=0) < 0 or total < 0:
        raise InputError(f"{one.address}/{FINISHED_NAME} has files of less than nothing")
    return dict(record)


def _refuse_absent(one: JobInput, bucket: Bucket) -> None:
    try:
        bucket.size(one.address)
    except AbsentError as error:
        raise InputError(f"--{_option(one)} {one.address} is not there") from error


def _option(one: JobInput) -> str:
    return one.option.replace("_", "-")


def _bytes(record: dict[str, Any]) -> int:
    return sum(int(entry["bytes"]) for entry in record["files"])


def _rows_below(record: dict[str, Any], folder: str) -> tuple[int, int]:
    """Rows and files of a record's part."""
    rows = [int(entry["rows"]) for entry in record["files"] if entry["path"].startswith(folder)]
    return sum(rows), len(rows)


def _of_plan(call: JobCall, records: dict[str, dict[str, Any]], bucket: Bucket) -> Counts:
    from spark_jobs.transforms.simulation.plan_shard import tasks_per_host  # compiles kernels: only where it is asked for

    recipe, hosts = call.recipe, records["hosts"]
    if recipe is None:
        raise InputError("a plan needs a recipe; wanted --recipe")
    rows = int(hosts.get("counts", {}).get("usable", _rows_below(hosts, "")[0]))
    tasks = min(round(rows * tasks_per_host(recipe)), recipe.tasks.max_tasks)
    return Counts(tasks, rows, shards=max(1, -(-tasks // STAMPS_PER_SHARD)), input_bytes=_bytes(hosts))


def _of_cut_hosts(call: JobCall, records: dict[str, dict[str, Any]], bucket: Bucket) -> Counts:
    record = records.get("hosts") or records["anchors"]
    rows, files = _rows_below(record, "hosts/")
    if not files:
        rows, files = _rows_below(record, "")
    # Each host in a brick of its own, and no more bricks than the survey has: the true number is known when they are read.
    return Counts(hosts=rows, bricks=min(rows, BRICKS), shards=max(1, files), input_bytes=0.0)


def _of_inject(call: JobCall, records: dict[str, dict[str, Any]], bucket: Bucket) -> Counts:
    plan, cutouts = records["plan"], records["cutouts"]
    recipe = recipe_of_plan(call.input("plan") or "", plan, bucket)
    tasks, shards = _rows_below(plan, "tasks/")
    return Counts(
        tasks,
        _rows_below(cutouts, "")[0],
        shards=max(1, shards),
        input_bytes=_bytes(plan) + _bytes(cutouts),
        quantised=recipe.stamp.encoding == "quantised",
        split_by_task=recipe.split.key == "task_id",
    )


def _of_select_hosts(call: JobCall, records: dict[str, dict[str, Any]], bucket: Bucket) -> Counts:
    sizes = _sizes(call, "sweeps", bucket)
    return Counts(shards=max(1, len(sizes)), input_bytes=float(sum(sizes)))


def _of_compact(call: JobCall, records: dict[str, dict[str, Any]], bucket: Bucket) -> Counts:
    from spark_jobs.compact import build_parser, checked

    shard = checked(build_parser().parse_args(list(call.words))).target_mb << 20
    sizes = _sizes(call, "source", bucket, ending=".parquet")
    if not sizes:
        raise InputError(f"--source {call.input('source')}: no Parquet file lies there")
    return Counts(shards=max(1, math.ceil(sum(sizes) / shard)), files=len(sizes), input_bytes=float(sum(sizes)))


def _sizes(call: JobCall, option: str, bucket: Bucket, ending: str = "") -> list[int]:
    """Bytes of each object that lies below an option's address."""
    pages = (page for one in call.inputs if one.option == option for page in bucket.pages(one.address))
    return [entry["Size"] for page in pages for entry in page.get("Contents", []) if entry["Key"].endswith(ending)]


_COUNTS = {
    "plan": _of_plan,
    "cut-hosts": _of_cut_hosts,
    "inject": _of_inject,
    "select-hosts": _of_select_hosts,
    "compact": _of_compact,
}
