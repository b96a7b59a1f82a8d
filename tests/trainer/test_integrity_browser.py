"""The integrity page in a real browser: no error on the console, every picture whole, and nothing wider than the window."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trainer.browser import WIDTHS, console, layout, requests_of_page
from tests.trainer.drawn_anchors import DrawnSky, Positions, cutout_row
from trainer.anchor_integrity import Row, judge_anchors, judge_random_sky, verdict_on
from trainer.anchor_page import IntegrityInputs, render_integrity

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PLACES: Positions = {f"SDSSJ10{n:02d}+1000": (150.0 + 0.25 * n, 10.01) for n in range(12)}


@pytest.fixture(scope="module")
def page() -> str:
    """A refused set: of twelve anchors four are arc minutes off; random sky is a tenth of a degree north of each."""
    sky = DrawnSky(PLACES)
    known: Row = {"object_class": "lens", "label": 1, "discovery": "spectroscopy", "mag_r": None, "reasons": 0}
    listed = [
        known | {"name": name, "ra_deg": ra, "dec_deg": dec + (0.05 if n % 3 == 0 else 0)}
        for n, (name, (ra, dec)) in enumerate(PLACES.items())
    ]
    at = {row["name"]: (row["ra_deg"], row["dec_deg"]) for row in listed}
    cutouts = {name: cutout_row(name, *place, sky.image(*place)) for name, place in at.items()}
    beside = {name: cutout_row(name, ra, dec + 0.1, sky.image(ra, dec + 0.1)) for name, (ra, dec) in at.items()}
    rows, control = judge_anchors(listed, cutouts, "here"), judge_random_sky(listed, beside)
    refused: list[Row] = [
        {"name": "AGEL 042439-331742", "reasons": 1 << 35, "remark": "216000 arcsec from the position in the name"}
    ]
    return render_integrity(IntegrityInputs(rows, control, refused, cutouts, beside, verdict_on(rows, control), "test"))


def test_the_console_is_silent_and_nothing_is_asked(chromium: str, page: str, tmp_path: Path) -> None:
    (tmp_path / "integrity.html").write_text(page, "utf-8")
    answer, asked = requests_of_page(chromium, tmp_path / "integrity.html", tmp_path)
    assert 'id="chance"' in answer.stdout
    assert console(answer) == [] and asked == set()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window_and_every_picture_is_whole(
    chromium: str, page: str, tmp_path: Path, width: int
) -> None:
    seen = layout(chromium, page, tmp_path, width)
    assert (seen.client, seen.broken, seen.pictures) == (width, 0, 12 + 12 + 3)
    assert seen.scroll <= seen.client
