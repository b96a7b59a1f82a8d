"""``dhs fetch`` in tests: a drawn sky to serve, lists of what is wanted, and the command as a person types it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from spark_jobs.command_line import main
from spark_jobs.transforms.fetching.fetch_journal import JOURNAL_NAME
from spark_jobs.transforms.mock.mock_brick_files import BrickJob, draw_brick
from spark_jobs.transforms.mock.mock_positions import default_bricks
from tests.spark_jobs.small_mock_sky import small_mock
from tests.spark_jobs.small_survey_server import SurveyServer, survey_file

BRICK = "0591m305"
POSITIONS = "name,ra_deg,dec_deg\nLens 1,150.1,2.2\nÄ/..,10.0,-5.0\n"


class Sky(NamedTuple):
    """A drawn sky on disk and the names of its bricks."""

    root: Path
    bricks: list[str]

    def planes(self) -> dict[str, bytes]:
        """Bytes of each plane by its path."""
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in self.root.rglob("*.fits.fz")}


def draw_sky(root: Path) -> Sky:
    """Two small bricks in the survey's layout."""
    bricks = default_bricks(2)
    for brick in bricks:
        draw_brick(BrickJob(str(root), brick, small_mock()))
    return Sky(root, [brick.name for brick in bricks])


def names(folder: Path, *bricks: str) -> list[str]:
    """The words that name bricks."""
    path = folder / "bricks.txt"
    path.write_text("".join(f"{brick}\n" for brick in bricks))
    return ["--names", str(path)]


def fetch(server: SurveyServer, folder: Path, what: str, *words: str) -> int:
    """Run the command into ``out`` of a folder, or wherever ``--out`` among the words says."""
    shared = ["--survey", survey_file(folder, server), "--per-second", "100", "--attempts", "2", "--timeout-seconds", "5"]
    return main(["fetch", what, "--out", str(folder / "out"), *shared, *words])


def fetched(folder: Path) -> dict[str, bytes]:
    """Bytes of each file in ``out``, the journal aside."""
    out = folder / "out"
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return {path: content for path, content in found.items() if path != JOURNAL_NAME}


def table(folder: Path, text: str = POSITIONS) -> list[str]:
    """The words that name positions."""
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return ["--positions", str(path), "--size", "16"]
