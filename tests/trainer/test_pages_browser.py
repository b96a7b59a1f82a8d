"""The pages of completeness, select and gate-data in a real browser, as they come from the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.synthetic_stamps import StampsDirectory
from tests.trainer.browser import WIDTHS, console, layout, requests_of_page
from tests.trainer.tiny_training import score_and_evaluate
from trainer import completeness, gate_data, select_candidates

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = ("completeness.html", "candidates.html", "gates.html")


@pytest.fixture(scope="module")
def pages(chromium: str, rings: StampsDirectory, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each page where its command wrote it."""
    out = tmp_path_factory.mktemp("pages")
    score_and_evaluate(rings.stamps, trained)
    given = ["--scores", str(trained / "scores"), "--stamps", str(rings.stamps)]
    assert completeness.main([*given, "--out", str(out / "c"), "--fpr", "0.1"]) == 0
    assert select_candidates.main([*given, "--out", str(out / "s"), "--top", "8"]) == 0
    assert gate_data.main(["--stamps", str(rings.stamps), "--out", str(out / "g"), "--draws", "20"]) in (0, 1)
    return {path.name: path for path in out.rglob("*.html")}


@pytest.mark.parametrize("name", PAGES)
def test_the_console_is_silent_and_nothing_is_asked(chromium: str, pages: dict[str, Path], name: str, tmp_path: Path) -> None:
    answer, asked = requests_of_page(chromium, pages[name], tmp_path)
    assert "DarkHaloScope" in answer.stdout
    assert console(answer) == [] and asked == set()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_the_window_and_every_picture_is_whole(
    chromium: str, pages: dict[str, Path], name: str, tmp_path: Path, width: int
) -> None:
    seen = layout(chromium, pages[name].read_text("utf-8"), tmp_path, width)
    assert seen.client == width and seen.scroll <= seen.client
    assert seen.broken == 0 and seen.pictures >= (2 * 8 if name == "candidates.html" else 1)
