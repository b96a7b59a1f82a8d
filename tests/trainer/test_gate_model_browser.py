"""The page of gate-model in a real browser, as the command writes it; a drawn judge stands in for the network, to be quick."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trainer.judge
from schemas.contract_files import read_table
from schemas.gates import GATES
from tests.synthetic_stamps import write_stamps_directory
from tests.trainer.browser import WIDTHS, console, layout, requests_of_page
from tests.trainer.drawn_judges import DrawnJudge
from trainer import gate_model

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(chromium: str, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 120 pairs, so that most gates have a figure; light in a ring is what the judge reads."""
    axis = np.arange(32) - 16
    r = np.hypot(axis, axis[:, None])
    ring = np.asarray((r > 2.5) & (r < 9), np.float32)
    folder = tmp_path_factory.mktemp("page")
    drawn = {"size": 32, "refused_pairs": 1, "ring": 0.05, "shared_noise": True}
    stamps = write_stamps_directory(folder / "rings", {"test": 121}, **drawn).stamps  # type: ignore[arg-type]
    flags = ["--stamps", str(stamps), "--checkpoint", str(trained / "best.pt"), "--out", str(folder / "gates")]
    judge = DrawnJudge(lambda images, metadata: np.einsum("nyx,yx->n", images[:, 1], ring).astype(np.float64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.judge, "NetworkJudge", lambda *_: judge)
        assert gate_model.main([*flags, "--device", "cpu", "--draws", "20"]) in (0, 1)
    return folder / "gates" / "gates.html"


def test_what_reads_rings_loses_its_lens_with_the_ring(page: Path) -> None:
    rows = {row["gate"]: row for row in read_table(page.with_name("gates.parquet"), GATES).to_pylist()}
    assert rows["arc_suppressed"]["verdict"] == rows["pair_swap"]["verdict"] == "pass"
    assert rows["arc_suppressed"]["value"] == pytest.approx(0, abs=0.1)
    assert rows["pair_swap"]["value"] == pytest.approx(1, abs=0.1)


def test_the_console_is_silent_and_nothing_is_asked(chromium: str, page: Path, tmp_path: Path) -> None:
    answer, asked = requests_of_page(chromium, page, tmp_path)
    assert "Is it lensing that this network sees?" in answer.stdout
    assert console(answer) == [] and asked == set()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window_and_every_picture_is_whole(
    chromium: str, page: Path, tmp_path: Path, width: int
) -> None:
    seen = layout(chromium, page.read_text("utf-8"), tmp_path, width)
    assert seen.client == width and seen.scroll <= seen.client
    assert seen.broken == 0 and seen.pictures >= 15
