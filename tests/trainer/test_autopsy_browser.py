"""The page of autopsy in a real browser: no error, no request, fits a desk and a phone, every picture has words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.synthetic_stamps import write_stamps_directory
from tests.trainer.autopsies.planted_anchors import CAUSES, write_planted
from tests.trainer.browser import WIDTHS, console, layout, requests_of_page
from tests.trainer.drawn_judges import DrawnJudge
from trainer.autopsies.all_parts import RealSky, autopsy_parts, read_bodies
from trainer.autopsies.autopsy_files import PAGE, write_autopsy
from trainer.gates.class_scores import Chance

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of anchors at wrong positions, so that the longest list of what is wrong is on it; a drawn judge saves a training."""
    root = tmp_path_factory.mktemp("autopsy")
    stamps = write_stamps_directory(root / "stamps", {"test": 25}, refused_pairs=1, ring=0.05).stamps
    places = write_planted(root / "planted", CAUSES["position"], count=20)
    real = RealSky(places.anchors, places.cutouts, places.integrity(root / "integrity"), places.random_sky)
    judge = DrawnJudge(lambda images, metadata: 30 * images[:, 1, 20:44, 20:44].mean((1, 2)).astype(np.float64))
    bodies = read_bodies(stamps, "test", 1000, 1, judge, real)
    write_autopsy(root, autopsy_parts(judge, bodies, real, Chance(20, 1)), {"checkpoint": "0" * 16, "trained on": "gen5"}, {})
    return root / PAGE


def test_the_page_says_nothing_on_the_console_and_asks_for_nothing(chromium: str, page: Path, tmp_path: Path) -> None:
    answer, asked = requests_of_page(chromium, page, tmp_path)
    assert console(answer) == [] and asked == set()
    assert "more than 5%" in answer.stdout


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_the_window_and_every_picture_has_words(chromium: str, page: Path, tmp_path: Path, width: int) -> None:
    seen = layout(chromium, page.read_text("utf-8"), tmp_path, width)
    assert seen.scroll <= seen.client and seen.pictures > 20 and seen.broken == 0
