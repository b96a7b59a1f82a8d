"""Completeness in a report: maps and profiles of a finished run; that of other stamps or scores is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.job_entry import InputError
from schemas.run_record import FINISHED_NAME, RunError
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.report_runs import Page, set_record, write_scores
from trainer import completeness
from trainer.report_inputs import ReportPaths, read_inputs
from trainer.report_page import render_report


def measured(run: StampsDirectory, scores: Path, out: Path) -> Path:
    assert completeness.main(["--scores", str(scores), "--stamps", str(run.stamps), "--out", str(out), "--fpr", "0.1"]) == 0
    return out


@pytest.fixture(scope="module")
def scores(stamps_directory: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scores(stamps_directory, tmp_path_factory.mktemp("s") / "scores")


def test_maps_profiles_and_totals_are_shown(stamps_directory: StampsDirectory, scores: Path, tmp_path: Path) -> None:
    out = measured(stamps_directory, scores, tmp_path / "c")
    page = Page(render_report(read_inputs(ReportPaths(stamps_directory.stamps, scores=scores, completeness=out)), 1))
    said, words = page.section_text["completeness"], [image["alt"] or "" for image in page.all("img")]
    assert "lenses offered 22 22 1.000 (0.851 to 1.000)" in said and "all drawn rows 24 22 0.917" in said
    assert any(alt.startswith("Map of completeness over Einstein radius [arcsec]") for alt in words)
    assert any(alt.startswith("Completeness by Einstein radius [arcsec]") for alt in words)
    assert "Fewer than ten false positives are expected" in said and page.unbalanced == []
    assert "The plan refused 160 draws whose parameters are not stored" in said
    assert "nor completeness on the sky" in page.section_text["limits"]


def test_an_unfinished_run_is_refused(stamps_directory: StampsDirectory, scores: Path, tmp_path: Path) -> None:
    out = measured(stamps_directory, scores, tmp_path / "c")
    (out / FINISHED_NAME).unlink()
    with pytest.raises(RunError, match="holds an unfinished run"):
        read_inputs(ReportPaths(stamps_directory.stamps, completeness=out))


def test_completeness_of_other_scores_or_stamps_is_refused(
    stamps_directory: StampsDirectory, scores: Path, tmp_path: Path
) -> None:
    out = measured(stamps_directory, scores, tmp_path / "c")
    other = write_scores(stamps_directory, tmp_path / "s", change=lambda rows: rows.reverse())
    with pytest.raises(InputError, match=r"scores with record \w{16}, .* has \w{16}; wanted the completeness of these scores"):
        read_inputs(ReportPaths(stamps_directory.stamps, scores=other, completeness=out))
    set_record(out, recipe_hash="0" * 16)
    with pytest.raises(InputError, match=rf"c has recipe_hash {'0' * 16}, .* has 5ca1ab1e5ca1ab1e; wanted the completeness"):
        read_inputs(ReportPaths(stamps_directory.stamps, completeness=out))
