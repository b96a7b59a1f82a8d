"""A job as it is asked to run on EMR: its words, what it reads and writes, and what is shipped with it."""

from __future__ import annotations

import argparse
import hashlib
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

from schemas.job_entry import InputError
from schemas.locations import S3, location
from spark_jobs.recipe import Recipe, packaged_recipes, read_recipe
from spark_jobs.survey_settings import load_survey


class InputKind(Enum):
    """What must stand at an input's address."""

    RUN = "finished run"
    OBJECT = "object"
    PREFIX = "objects"


@dataclass(frozen=True)
class ClusterJob:
    """A job that a cluster can run: its module, and the options that name what it reads."""

    module: str
    inputs: dict[str, InputKind]
    survey: bool = False


JOBS = {
    "select-hosts": ClusterJob(
        "spark_jobs.select_hosts",
        {
            "sweeps": InputKind.PREFIX,
            "known_lenses": InputKind.OBJECT,
            "anchors": InputKind.OBJECT,
            "photo_z": InputKind.PREFIX,
        },
        survey=True,
    ),
    "plan": ClusterJob("spark_jobs.plan_tasks", {"hosts": InputKind.RUN, "bank": InputKind.OBJECT}),
    "cut-hosts": ClusterJob(
        "spark_jobs.cut_hosts",
        {"hosts": InputKind.RUN, "anchors": InputKind.RUN, "bricks": InputKind.PREFIX},
        survey=True,
    ),
    "inject": ClusterJob("spark_jobs.inject", {"plan": InputKind.RUN, "cutouts": InputKind.RUN, "bank": InputKind.OBJECT}),
    "compact": ClusterJob("spark_jobs.compact", {"source": InputKind.PREFIX}),
}


@dataclass(frozen=True)
class JobInput:
    """One address that the job reads."""

    option: str
    kind: InputKind
    address: str


@dataclass(frozen=True)
class ShippedText:
    """A small file of this machine that goes with the job, into the folder that its driver starts in."""

    name: str
    text: str

    @property
    def key(self) -> str:
        """Name below the artifacts: one a content."""
        return f"files/{hashlib.sha256(self.text.encode()).hexdigest()[:16]}/{self.name}"


@dataclass(frozen=True)
class JobCall:
    """``words`` are what the job hears on the cluster."""

    job: str
    words: tuple[str, ...]
    inputs: tuple[JobInput, ...]
    out: str
    shipped: tuple[ShippedText, ...] = ()
    recipe: Recipe | None = None

    def input(self, option: str) -> str | None:
        """The first address of an option, where it was given."""
        return next((one.address for one in self.inputs if one.option == option), None)


def job_call(job: str, words: Sequence[str]) -> JobCall:
    """The call that a person typed, checked by the job's own parser; InputError for what a cluster cannot run or read."""
    if job not in JOBS:
        raise InputError(f"no job {job!r} runs on EMR; wanted one of {', '.join(JOBS)}")
    known = JOBS[job]
    parser: argparse.ArgumentParser = importlib.import_module(known.module).build_parser()
    given = vars(parser.parse_args(list(words)))
    inputs = [
        JobInput(option, kind, _remote(option, address))
        for option, kind in known.inputs.items()
        for address in _addresses(given.get(option))
    ]
    out = _remote("out", _addresses(given["out"])[0])
    recipe, shipped, heard = _shipped(job, known, given, list(words))
    return JobCall(job, tuple(heard), tuple(inputs), out, tuple(shipped), recipe)


def _addresses(value: Any) -> list[str]:
    """What was typed: a path keeps one slash of the two behind s3:."""
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    return [f"{S3}{str(one).removeprefix('s3:').lstrip('/')}" if str(one).startswith("s3:/") else str(one) for one in values]


def _remote(option: str, address: str) -> str:
    name = f"--{option.replace('_', '-')}"
    if not address.startswith(S3):
        raise InputError(f"{name} {address} lies on this machine, which a cluster does not see; wanted s3://bucket/prefix")
    bucket, _, key = address.removeprefix(S3).partition("/")
    if not bucket or not key or any(part in ("", ".", "..") for part in key.rstrip("/").split("/")):
        raise InputError(f"{name} {address} is no place in a bucket; wanted s3://bucket/prefix")
    return address.rstrip("/")


def _shipped(
    job: str, known: ClusterJob, given: dict[str, Any], words: list[str]
) -> tuple[Recipe | None, list[ShippedText], list[str]]:
    """The recipe of a plan and the survey's YAML: read and checked here, and where they are files, sent along by name."""
    recipe, shipped = None, []
    if job == "plan":
        typed = str(given["recipe"])
        recipe = read_recipe(typed)
        if typed not in packaged_recipes():
            shipped.append(ShippedText(_plain_name(typed), recipe.as_yaml()))
            words = _renamed(words, typed, shipped[-1].name)
    if known.survey:
        typed = str(given["survey"])
        load_survey(typed)
        if not typed.isidentifier():
            shipped.append(ShippedText(_plain_name(typed), location(typed).read_text(encoding="utf-8")))
            words = _renamed(words, typed, shipped[-1].name)
    return recipe, shipped, words


def _plain_name(path: str) -> str:
    """The file's name, without what spark-submit or a shell would read as something else."""
    kept = "".join(sign if sign.isalnum() or sign in "._-" else "_" for sign in PurePosixPath(path).name)
    return kept.lstrip(".-") or "file.yaml"


def _renamed(words: Sequence[str], typed: str, name: str) -> list[str]:
    """The words with a path replaced by the name that it has where the driver runs."""
    attached = f"={typed}"
    return [
        name if word == typed else word.removesuffix(attached) + f"={name}" if word.endswith(attached) else word
        for word in words
    ]
