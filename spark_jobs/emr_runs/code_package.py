"""The code that a cluster runs: a zip of ``schemas`` and ``spark_jobs``, and the script that spark-submit starts.

The same sources give the same bytes, and the name is the code version that stands in every file a run writes.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from schemas.code_version import code_version

PACKAGES = ("schemas", "spark_jobs")
KEPT = (".py", ".yaml", ".properties")
START = b"""from spark_jobs.command_line import main

raise SystemExit(main())
"""
_CLOCK = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class CodePackage:
    """Bytes of the zip, and the folder below the artifacts that holds it and the script."""

    content: bytes

    @property
    def folder(self) -> str:
        """One a code version."""
        return f"code/{code_version().replace('+', '-')}"

    @property
    def zip_key(self) -> str:
        """Name of the zip below the artifacts."""
        return f"{self.folder}/darkhaloscope.zip"

    @property
    def start_key(self) -> str:
        """Name of the script below the artifacts."""
        return f"{self.folder}/start.py"


def code_package() -> CodePackage:
    """The zip of the packages as they are installed here."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in PACKAGES:
            for name, content in sorted(_files(files(package), package)):
                entry = zipfile.ZipInfo(name, _CLOCK)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(entry, content)
    return CodePackage(stream.getvalue())


def _files(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{prefix}/{entry.name}"
        if entry.is_dir() and entry.name != "__pycache__":
            found += _files(entry, name)
        elif entry.is_file() and entry.name.endswith(KEPT):
            found.append((name, entry.read_bytes()))
    return found
