"""The YAML files of ``deploy/emr``, with the entries that a person's own file changes, read into frozen settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.job_entry import InputError
from spark_jobs.yaml_mapping import read_mapping

DEPLOYMENT = Path(__file__).resolve().parents[2] / "deploy" / "emr"
MAX_BYTES = 1 << 20
_SECRET_NAME = re.compile(r"(access_?key|secret|session_?token|password|credential)", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{12,}\b|https?://[^/\s]*@")


class Frozen(BaseModel):
    """Settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Settings = TypeVar("Settings", bound=Frozen)


def read_settings(kind: type[Settings], name: str, own: Path | None = None) -> Settings:
    """The settings of ``deploy/emr/<name>``, changed by the entries of ``own``; InputError says which entry cannot be used."""
    packaged = DEPLOYMENT / name
    if not packaged.is_file():
        raise InputError(f"{packaged} is not there; wanted dhs emr to be run from a checkout, which has deploy/emr")
    content = _content(packaged)
    if own is not None:
        content = merged(content, _content(own))
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise InputError(f"{own or packaged}: {'; '.join(faults)}") from error


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The base with some entries changed; mappings are merged entry by entry, all else is replaced."""
    both = dict(base)
    for key, value in changes.items():
        inside = both.get(key)
        both[key] = merged(inside, value) if isinstance(inside, dict) and isinstance(value, dict) else value
    return both


def _content(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"settings {path} are not there; wanted a YAML file")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"settings {path} have {path.stat().st_size} bytes; at most {MAX_BYTES} are read")
    try:
        content = read_mapping(path.read_text(encoding="utf-8"), f"settings {path}")
    except UnicodeDecodeError as error:
        raise InputError(f"settings {path} are not UTF-8 text") from error
    _refuse_secrets(content, path)
    return content


def _refuse_secrets(content: Any, path: Path, place: str = "") -> None:
    """Credentials in a settings file would reach logs, requests and repositories; the value is never repeated."""
    if isinstance(content, dict):
        for key, value in content.items():
            _refuse_secrets(value, path, f"{place}.{key}".lstrip("."))
    elif isinstance(content, list):
        for value in content:
            _refuse_secrets(value, path, place)
    if _SECRET_NAME.search(place) or (isinstance(content, str) and _SECRET_VALUE.search(content)):
        raise InputError(
            f"settings {path}: {place} looks like credentials, which have no place there; wanted boto3's own chain to "
            "find them (AWS_PROFILE, aws sso login, environment, instance role)"
        )
