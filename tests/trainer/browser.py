"""A page in headless Chromium: what it says on its console, and how it fills a window of a given width."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

WIDTHS = (1280, 390)
_MEASURE = (
    "<script>onload=()=>{const d=document.documentElement;let broken=0;"
    "for(const i of document.images)if(!i.complete||!i.naturalWidth||!i.alt)broken++;"
    "parent.postMessage([d.scrollWidth,d.clientWidth,document.images.length,broken].join(' '),'*')}</script>"
)


class Layout(NamedTuple):
    """Widths of the content and of the window, pictures, and those that are broken or have no words."""

    scroll: int
    client: int
    pictures: int
    broken: int


def installed_chromium() -> str:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not on the PATH; on Debian: apt-get install chromium")
    return program


def browse(program: str, url: str, profile: Path, *options: str) -> subprocess.CompletedProcess[str]:
    fixed = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
    fixed += ["--enable-logging=stderr", "--v=0", "--virtual-time-budget=5000"]
    return subprocess.run([program, *fixed, *options, url], capture_output=True, text=True, timeout=120, check=True)


def console(answer: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in answer.stderr.splitlines() if "CONSOLE" in line]


def requests_of_page(program: str, path: Path, folder: Path) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """The browser's answer to a page on disk, and the addresses that it asked, its own errands left out."""
    netlog = folder / "net.json"
    answer = browse(program, f"file://{path}", folder / "profile", f"--log-net-log={netlog}", "--dump-dom")
    asked = set(re.findall(r'"url":"(https?://[^"]+)"', netlog.read_text()))
    return answer, {url for url in asked if not re.search(r"//[^/]*(google|gvt1|gstatic)[^/]*/", url)}


def layout(program: str, page: str, folder: Path, width: int) -> Layout:
    """The page in a frame of the width, since a headless window cannot be narrower than 500; a script measures it."""
    loose = re.sub(r"<meta http-equiv[^>]*>", "", page)
    (folder / "inner.html").write_text(loose.replace("</body>", _MEASURE + "</body>"), "utf-8")
    outer = f"<iframe src='inner.html' style='width:{width}px;height:3000px;border:0'></iframe>"
    outer += "<script>onmessage=e=>document.title='seen '+e.data</script>"
    (folder / "outer.html").write_text(outer, "utf-8")
    answer = browse(program, f"file://{folder}/outer.html", folder / "profile", "--window-size=1400,3000", "--dump-dom")
    found = re.search(r"<title>seen (\d+) (\d+) (\d+) (\d+)</title>", answer.stdout)
    assert found is not None, answer.stdout[-2000:]
    return Layout(*map(int, found.groups()))
