"""The report in a real browser: no error on the console, no request, and nothing wider than the window, all sections filled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.synthetic_stamps import StampsDirectory
from tests.trainer.browser import WIDTHS, console, layout, requests_of_page
from tests.trainer.gates_runs import write_gates
from tests.trainer.real_lens_runs import write_set
from tests.trainer.report_runs import CHECKPOINT, write_json, write_log, write_scores
from tests.trainer.scored_samples import evaluated
from trainer import completeness
from trainer.report_inputs import ReportPaths, read_inputs
from trainer.report_page import render_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(stamps_directory: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> str:
    return whole_report(stamps_directory, tmp_path_factory.mktemp("browser"))


def whole_report(run: StampsDirectory, root: Path) -> str:
    """A report with every section filled."""
    scores = write_scores(run, root / "scores")
    given = ["--scores", str(scores), "--stamps", str(run.stamps), "--out", str(root / "completeness"), "--fpr", "0.1"]
    assert completeness.main(given) == 0
    gates = write_gates(run, root / "gates"), write_gates(run, root / "model", "gate-model", checkpoint=CHECKPOINT)
    paths = ReportPaths(
        run.stamps,
        run.plan,
        scores,
        write_json(root / "metrics.json", evaluated() | {"checkpoint_hash": CHECKPOINT}),
        write_log(root / "log.jsonl"),
        write_set(root / "real"),
        gates,
        root / "completeness",
    )
    return render_report(read_inputs(paths), 4)


@pytest.mark.slow
def test_no_console_error_and_no_request(chromium: str, page: str, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page, "utf-8")
    answer, asked = requests_of_page(chromium, tmp_path / "report.html", tmp_path)
    assert 'id="limits"' in answer.stdout
    assert console(answer) == [] and asked == set()


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(chromium: str, page: str, tmp_path: Path, width: int) -> None:
    seen = layout(chromium, page, tmp_path, width)
    assert seen.client == width and seen.scroll <= seen.client
    assert seen.pictures > 60 and seen.broken == 0
