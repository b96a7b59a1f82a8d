"""The integrity page in a real browser: no error on the console, every picture whole, and nothing wider than the window."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.trainer.drawn_anchors import DrawnSky, Positions, cutout_row
from tests.trainer.test_report_browser import WIDTHS, browse, chromium, console
from trainer.anchor_integrity import Row, judge_anchors, judge_random_sky, verdict_on
from trainer.anchor_page import IntegrityInputs, render_integrity

__all__ = ["chromium"]  # a fixture
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


def test_the_console_is_silent(chromium: str, page: str, tmp_path: Path) -> None:
    (tmp_path / "integrity.html").write_text(page, "utf-8")
    answer = browse(chromium, f"file://{tmp_path}/integrity.html", tmp_path / "profile", "--dump-dom")
    assert 'id="chance"' in answer.stdout
    assert console(answer) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window_and_every_picture_is_whole(
    chromium: str, page: str, tmp_path: Path, width: int
) -> None:
    loose = re.sub(r"<meta http-equiv[^>]*>", "", page)
    measure = (
        "<script>onload=()=>{const d=document.documentElement;let broken=0;"
        "for(const i of document.images)if(!i.complete||!i.naturalWidth||!i.alt)broken++;"
        "parent.postMessage([d.scrollWidth,d.clientWidth,document.images.length,broken].join(' '),'*')}</script>"
    )
    (tmp_path / "inner.html").write_text(loose.replace("</body>", measure + "</body>"), "utf-8")
    outer = f"<iframe src='inner.html' style='width:{width}px;height:3000px;border:0'></iframe>"
    outer += "<script>onmessage=e=>document.title='seen '+e.data</script>"
    (tmp_path / "outer.html").write_text(outer, "utf-8")
    answer = browse(chromium, f"file://{tmp_path}/outer.html", tmp_path / "profile", "--window-size=1400,3000", "--dump-dom")
    found = re.search(r"<title>seen (\d+) (\d+) (\d+) (\d+)</title>", answer.stdout)
    assert found is not None, answer.stdout[-2000:]
    scroll, client, pictures, broken = map(int, found.groups())
    assert (client, broken, pictures) == (width, 0, 12 + 12 + 3)
    assert scroll <= client
