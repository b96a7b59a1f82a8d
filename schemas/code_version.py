"""Which code made a file: the release and a hash of the sources, the same in a checkout, a wheel or a zip."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

RELEASE = "0.1.0"


@cache
def code_version(*packages: str) -> str:
    """``release+hash``, the hash over the Python sources of the named packages (default: ``schemas`` and ``spark_jobs``).

    A package that is not installed is left out: a GPU host has no ``spark_jobs``.
    """
    digest = hashlib.sha256()
    for package in packages or ("schemas", "spark_jobs"):
        if importlib.util.find_spec(package) is not None:
            for name, text in sorted(_sources(files(package), package)):
                digest.update(name.encode() + b"\0" + text + b"\0")
    return f"{RELEASE}+{digest.hexdigest()[:12]}"


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{prefix}/{entry.name}"
        if entry.is_dir() and entry.name != "__pycache__":
            found += _sources(entry, name)
        elif entry.name.endswith(".py"):
            found.append((name, entry.read_bytes()))
    return found
