"""The code's zip: the same bytes each time, what a job needs and nothing else, importable from where it lies."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from schemas.code_version import code_version
from spark_jobs.emr_runs.code_package import START, code_package
from tests.conftest import REPOSITORY

PACKAGE = code_package()


def names() -> list[str]:
    return zipfile.ZipFile(io.BytesIO(PACKAGE.content)).namelist()


def test_the_same_sources_give_the_same_bytes() -> None:
    assert code_package().content == PACKAGE.content
    entries = zipfile.ZipFile(io.BytesIO(PACKAGE.content)).infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}  # of no clock
    assert names() == sorted(names())


def test_it_holds_both_packages_their_data_and_no_trainer() -> None:
    assert {
        "schemas/stamps.py",
        "spark_jobs/inject.py",
        "spark_jobs/recipes/realistic.yaml",
        "spark_jobs/log4j2.properties",
    } <= set(names())
    assert {name.split("/")[0] for name in names()} == {"schemas", "spark_jobs"}
    assert not [name for name in names() if "__pycache__" in name or name.endswith(("-journal", ".md", ".pyc"))]
    on_disk = {
        path.relative_to(REPOSITORY).as_posix()
        for top in ("schemas", "spark_jobs")
        for path in (REPOSITORY / top).rglob("*.py")
    }
    assert {name for name in names() if name.endswith(".py")} == on_disk


def test_its_name_is_the_code_version() -> None:
    assert PACKAGE.zip_key == f"code/{code_version().replace('+', '-')}/darkhaloscope.zip"
    assert PACKAGE.start_key == f"{PACKAGE.folder}/start.py"


def in_its_own_interpreter(folder: Path, program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program where only the zip has our packages, as spark-submit puts it on the path."""
    (folder / "darkhaloscope.zip").write_bytes(PACKAGE.content)
    hide = f"import sys; sys.path[:] = [p for p in sys.path if p != {str(REPOSITORY)!r}]\n"
    hide += "sys.meta_path[:] = [one for one in sys.meta_path if 'editable' not in repr(one).lower()]\n"
    hide += f"sys.path.insert(0, {str(folder / 'darkhaloscope.zip')!r})\n"
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-c", hide + program]
    return subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)


def test_the_start_script_runs_the_command_out_of_the_zip(tmp_path: Path) -> None:
    program = f"sys.argv[:] = ['start.py', '--version']\nexec({START.decode()!r})"
    done = in_its_own_interpreter(tmp_path, program)
    assert (done.returncode, done.stdout) == (0, "darkhaloscope 0.1.0\n"), done.stderr


def test_recipe_and_code_version_are_the_same_out_of_the_zip(tmp_path: Path) -> None:
    program = """
from schemas.code_version import code_version
from spark_jobs.recipe import read_recipe
print(code_version(), read_recipe("realistic").recipe_hash, __import__("spark_jobs").__file__)
"""
    from spark_jobs.recipe import read_recipe

    done = in_its_own_interpreter(tmp_path, program)
    version, recipe, origin = done.stdout.split()
    assert (version, recipe) == (code_version(), read_recipe("realistic").recipe_hash)
    assert "darkhaloscope.zip" in origin


def test_kernels_out_of_a_zip_are_cached_where_the_setting_that_numba_heeds_there_says(tmp_path: Path) -> None:
    """Why spark_settings.yaml names both folders: if numba changes its mind about zips, this says so."""
    kernel = "from spark_jobs.physics.compiled import compiled\n\n\n@compiled('f8(f8)')\ndef twice(x):\n    return 2 * x\n"
    with zipfile.ZipFile(tmp_path / "kernel.zip", "w") as archive:
        archive.writestr("one_kernel.py", kernel)
    program = f"sys.path.insert(0, {str(tmp_path / 'kernel.zip')!r})\nimport one_kernel\nprint(one_kernel.twice(2.0))"
    places = {"XDG_CACHE_HOME": "heeded", "NUMBA_CACHE_DIR": "passed-over", "HOME": str(tmp_path / "home")}
    done = in_its_own_interpreter(tmp_path, program, **places)
    assert done.stdout == "4.0\n", done.stderr
    assert any((tmp_path / "heeded").rglob("*.nbi")) and not any((tmp_path / "passed-over").rglob("*.nbi"))
