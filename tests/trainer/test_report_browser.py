"""The report in a real browser: no error on the console, no request, and nothing wider than the window."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.synthetic_stamps import StampsDirectory
from tests.trainer.report_runs import CHECKPOINT, write_json, write_log, write_scores
from tests.trainer.scored_samples import evaluated
from trainer.report_inputs import ReportPaths, read_inputs
from trainer.report_page import render_report

pytestmark = pytest.mark.browser
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def chromium() -> str:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not on the PATH; on Debian: apt-get install chromium")
    return program


@pytest.fixture(scope="module")
def page(stamps_directory: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("browser")
    paths = ReportPaths(
        stamps_directory.stamps,
        stamps_directory.plan,
        write_scores(stamps_directory, root / "scores"),
        write_json(root / "metrics.json", evaluated() | {"checkpoint_hash": CHECKPOINT}),
        write_log(root / "log.jsonl"),
    )
    return render_report(read_inputs(paths), 4)


def browse(program: str, url: str, profile: Path, *options: str) -> subprocess.CompletedProcess[str]:
    fixed = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
    fixed += ["--enable-logging=stderr", "--v=0", "--virtual-time-budget=5000"]
    return subprocess.run([program, *fixed, *options, url], capture_output=True, text=True, timeout=120, check=True)


def console(answer: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in answer.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.slow
def test_no_console_error_and_no_request(chromium: str, page: str, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page, "utf-8")
    netlog = tmp_path / "net.json"
    answer = browse(chromium, f"file://{tmp_path}/report.html", tmp_path / "profile", f"--log-net-log={netlog}", "--dump-dom")
    assert 'id="limits"' in answer.stdout
    assert console(answer) == []
    asked = set(re.findall(r'"url":"(https?://[^"]+)"', netlog.read_text()))
    own = {url for url in asked if re.search(r"//[^/]*(google|gvt1|gstatic)[^/]*/", url)}  # the browser's own errands
    assert asked - own == set()


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(chromium: str, page: str, tmp_path: Path, width: int) -> None:
    """The page stands in a frame of the width, since a headless window cannot be narrower than 500; a script measures it."""
    loose = re.sub(r"<meta http-equiv[^>]*>", "", page)
    measure = (
        "<script>onload=()=>{const d=document.documentElement;let broken=0;"
        "for(const i of document.images)if(!i.complete||!i.naturalWidth)broken++;"
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
    assert client == width
    assert scroll <= client
    assert pictures > 20 and broken == 0
