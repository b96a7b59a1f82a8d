"""Do the dependencies of a lock file have a fault that is publicly known? Asked of the package index by pip-audit.

    python deploy/known_faults.py requirements-dev.lock

Exit code 1 where one has, with its name and the version that mends it. Where the index cannot be asked, or knows no advisories
(mirrors often do not), a line says how many packages went unasked: a check that was not made is not a check that passed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ACCEPTED: dict[str, str] = {}
"""Advisory to the reason why it does not concern this project."""
_OPTIONS = ("--disable-pip", "--no-deps", "--progress-spinner", "off", "--format", "json", "--timeout", "15")


def main(lock: Path) -> int:
    """Ask, and say what was found; 1 where a fault is known that nobody accepted."""
    command = [sys.executable, "-m", "pip_audit", *_OPTIONS, "--requirement", str(lock)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(answer.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        print(f"known faults: {lock} could not be audited: {(answer.stderr.strip().splitlines() or ['no answer'])[-1]}")
        return 0
    unasked = [one["name"] for one in packages if "vulns" not in one]
    found = [(one, fault) for one in packages for fault in one.get("vulns", []) if fault["id"] not in ACCEPTED]
    for one, fault in found:
        mended = ", ".join(fault["fix_versions"]) or "no version yet"
        print(f"known faults: {one['name']} {one['version']}: {fault['id']}, mended in {mended}", file=sys.stderr)
    told = f"; {len(unasked)} of {len(packages)} packages went unasked: the index gives no advisories" if unasked else ""
    print(f"known faults: {len(found)} in {lock}{told}")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
