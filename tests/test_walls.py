"""The walls between the packages: what each room brings into an interpreter, and in which order rooms rest on one another."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from graphlib import TopologicalSorter
from typing import NamedTuple

import pytest

from tests.conftest import REPOSITORY

LINTER = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
PACKAGES = ("schemas", "spark_jobs", "trainer")

# Modules stay where they are once imported: if none of the forbidden ones is there after the last room, no room brings one in,
# and the first room after which one is there is the one that brought it.
_PROBE = """
import importlib, json, sys
stages = json.loads(sys.argv[1])
brought = {}
for rooms, forbidden in stages:
    for room in [None, *rooms]:
        if room is not None:
            importlib.import_module(room)
        for name in set(forbidden) & sys.modules.keys():
            brought.setdefault(name, room or "a room of an earlier wall")
print(json.dumps(brought))
"""


class Wall(NamedTuple):
    """Rooms, and modules of which no room may know."""

    rooms: tuple[str, ...]
    forbidden: tuple[str, ...]


def rooms_of(package: str, *without: str) -> tuple[str, ...]:
    """Names of all modules on disk in a package, itself included and some parts left out."""
    paths = sorted((REPOSITORY / package.replace(".", "/")).rglob("*.py"))
    names = [".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    return tuple(name for name in names if not any(f"{name}.".startswith(f"{part}.") for part in without))


SCHEMAS = Wall(
    rooms_of("schemas"),
    (
        *("spark_jobs", "trainer", "pyspark", "torch", "astropy", "pydantic", "yaml", "tqdm", "numba", "scipy", "galsim"),
        *("duckdb", "boto3", "botocore"),
    ),
)
ENTRANCE = Wall(
    ("spark_jobs.command_line",),
    ("pyspark", "torch", "numba", "astropy", "galsim", "duckdb", "pydantic", "yaml", "spark_jobs.recipe", "trainer"),
)
PHYSICS = Wall(
    rooms_of("spark_jobs.physics"),
    ("schemas", "trainer", "pyarrow", "pyspark", "torch", "galsim", "pydantic", "spark_jobs.transforms", "spark_jobs.session"),
)
PICTURE = "spark_jobs.transforms.simulation.population_figure"
TRANSFORMS = Wall(
    rooms_of("spark_jobs.transforms", PICTURE),
    ("pyspark", "torch", "matplotlib", "trainer", "spark_jobs.session", "spark_jobs.spark_map"),
)
JOBS = Wall(
    rooms_of("spark_jobs", "spark_jobs.physics", "spark_jobs.transforms", "spark_jobs.population"),
    ("pyspark", "torch", "torchvision", "sklearn", "matplotlib", "trainer"),
)
POPULATION = Wall(("spark_jobs.population", PICTURE), ("pyspark", "torch", "torchvision", "sklearn", "trainer"))
TRAINER = Wall(rooms_of("trainer"), ("spark_jobs", "pyspark", "galsim", "numba", "duckdb", "h5py", "boto3"))
# Walls that one interpreter looks at one after the other: the later ones may know what the earlier ones brought.
INTERPRETERS = {"ground": (SCHEMAS, ENTRANCE), "spark half": (PHYSICS, TRANSFORMS, JOBS, POPULATION), "trainer": (TRAINER,)}


def brought_through(*walls: Wall) -> dict[str, str]:
    """Each forbidden module that is there in a fresh interpreter, and the room that brought it."""
    # Kernels are compiled when they are imported, which is not what is looked at here.
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", _PROBE, json.dumps(walls)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    brought: dict[str, str] = json.loads(done.stdout)
    return brought


@pytest.fixture(scope="module")
def brought() -> dict[str, dict[str, str]]:
    """What each interpreter found, two looking at a time."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(INTERPRETERS, pool.map(lambda walls: brought_through(*walls), INTERPRETERS.values()), strict=True))


@pytest.mark.parametrize("name", INTERPRETERS)
def test_no_room_brings_in_what_stands_behind_its_wall(name: str, brought: dict[str, dict[str, str]]) -> None:
    assert brought[name] == {}


def test_the_look_finds_what_a_room_brings_in_and_names_the_room() -> None:
    first = Wall(
        ("spark_jobs", "spark_jobs.java_home", "spark_jobs.session"), ("shutil", "schemas", "torch", "spark_jobs.recipe")
    )
    assert brought_through(first) == {"shutil": "spark_jobs.java_home", "schemas": "spark_jobs.session"}
    second = Wall(("spark_jobs.band_choice",), ("shutil",))
    assert brought_through(Wall(first.rooms, ()), second) == {"shutil": "a room of an earlier wall"}
    with pytest.raises(AssertionError, match=r"No module named 'spark_jobs\.no_such_room'"):
        brought_through(Wall(("spark_jobs.no_such_room",), ()))


def test_every_room_stands_behind_a_wall() -> None:
    looked_at = {room for walls in INTERPRETERS.values() for wall in walls for room in wall.rooms}
    assert looked_at == {room for package in PACKAGES for room in rooms_of(package)}
    assert {
        "schemas.contract",
        "spark_jobs.physics.render_arc",
        "spark_jobs.transforms.bank.bank_file",
        "trainer.train",
    } < looked_at


def test_each_wall_is_a_contract_of_the_linter_too() -> None:
    linted = {
        source: set(contract["forbidden_modules"]) for contract in LINTER["contracts"] for source in contract["source_modules"]
    }
    assert linted["schemas"] >= {"spark_jobs", "trainer", "pyspark", "torch", "astropy", "pydantic", "yaml", "tqdm"}
    assert linted["spark_jobs.physics"] >= {"schemas", "trainer", "pyarrow", "pyspark", "torch", "spark_jobs.transforms"}
    assert linted["spark_jobs.transforms"] >= {"pyspark", "spark_jobs.session", "spark_jobs.spark_map"}
    assert linted["spark_jobs"] >= {"torch", "torchvision", "trainer"}
    assert linted["trainer"] >= {"spark_jobs", "pyspark", "galsim", "numba"}
    assert set(LINTER["root_packages"]) == set(PACKAGES)


def imports_at_the_top(room: str) -> Iterator[str]:
    """Names that a room imports when it is imported itself, those of its functions and of type checking left out."""
    path = REPOSITORY / room.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{room} imports by a relative name"
            yield from (part for alias in node.names for part in (node.module or "", f"{node.module}.{alias.name}"))


def test_any_room_can_be_entered_first_because_no_rooms_import_each_other_in_a_circle() -> None:
    rooms = {room for package in PACKAGES for room in rooms_of(package)}
    rests_on = {room: rooms & set(imports_at_the_top(room)) for room in rooms}
    assert "schemas.contract" in rests_on["schemas.hosts"]
    assert len(list(TopologicalSorter(rests_on).static_order())) == len(rooms)
