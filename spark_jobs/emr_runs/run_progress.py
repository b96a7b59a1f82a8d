"""How far a run is, from the log that it keeps beside its outputs: what a cluster's state does not say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from schemas.job_entry import InputError
from schemas.locations import S3, StoreUnreachableError
from spark_jobs.emr_runs.aws_access import AbsentError
from spark_jobs.emr_runs.run_inputs import Bucket
from spark_jobs.progress_log import PROGRESS_NAME

_OUT, _RUNNING = "--out", "RUNNING"


def progress_lines(words: Sequence[str], bucket: Bucket, state: str) -> list[str]:
    """One line of the run whose words these are, in the state that EMR gives it; none where it has said nothing (yet)."""
    out = _out(words)
    if out is None:
        return []
    address = f"{out}/{PROGRESS_NAME}"
    try:
        entry = _last_entry(bucket.read(address))
    except AbsentError:
        return []
    except (InputError, StoreUnreachableError) as error:
        return [f"    progress: not readable ({error})"]
    if not entry:
        return []
    return [f"    {_told(entry)}" if state == _RUNNING else f"    last said: {_told({**entry, 'seconds_left': None})}"]


def _out(words: Sequence[str]) -> str | None:
    """The address that the words name for outputs."""
    behind = (after for word, after in pairwise(words) if word == _OUT)
    attached = (word.removeprefix(f"{_OUT}=") for word in words if word.startswith(f"{_OUT}="))
    return next((place.rstrip("/") for place in (*behind, *attached) if place.startswith(S3)), None)


def _last_entry(log: bytes) -> dict[str, Any]:
    """The last whole line of a log."""
    for line in reversed(log.decode("utf-8", errors="replace").splitlines()):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            return entry
    return {}


def _told(entry: dict[str, Any]) -> str:
    """As a person would say it; what a line lacks is left out."""
    parts = [f"{entry.get('stage', 'a stage')} {entry.get('state', '')}".strip()]
    parts.append(f"{entry.get('shards_done', '?')} of {entry.get('shards', '?')} shards")
    rate, left, refused = (entry.get(name) for name in ("rows_per_second", "seconds_left", "refused"))
    if isinstance(rate, int | float):
        parts.append(f"{rate:g} rows/s")
    if isinstance(left, int | float) and left:
        parts.append(f"about {max(left / 60, 1):.0f} min left")
    if isinstance(refused, dict) and refused:
        parts.append("refused: " + ", ".join(f"{name} {rows}" for name, rows in refused.items()))
    return f"{', '.join(parts)} (at {entry.get('utc', 'an unknown time')})"
