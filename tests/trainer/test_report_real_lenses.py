"""Real lenses in a report: shares by stratum, each lens with picture, p and mark; no figure of a refused set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_DONE, InputError, run_job
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.real_lens_runs import LOGITS, NAMES, PLACES, rescored, write_set
from tests.trainer.report_runs import CHECKPOINT, Page, metrics, write_json
from trainer import report
from trainer.anchor_scores import AnchorPaths
from trainer.report_inputs import ReportPaths, read_inputs
from trainer.report_page import render_report


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> AnchorPaths:
    return write_set(tmp_path_factory.mktemp("set"))


def with_thresholds(n_negative: int = 20_000) -> dict[str, Any]:
    content = metrics(n_negative)
    for rate, threshold in zip(content["splits"]["test"]["tpr_at_fpr"], (1.0, 2.5), strict=True):
        rate["threshold"] = threshold
    return content


def options(run: StampsDirectory, paths: AnchorPaths, out: Path) -> list[str]:
    given = {"--stamps": run.stamps, "--anchors": paths.anchors, "--anchor-cutouts": paths.cutouts, "--out": out}
    given |= {"--anchor-scores": paths.scores, "--integrity": paths.integrity}
    return [word for name, value in given.items() for word in (name, str(value))]


def words_of(page: Page) -> str:
    return " ".join(page.section_text["anchors"].split())


@pytest.fixture(scope="module")
def page(stamps_directory: StampsDirectory, paths: AnchorPaths, tmp_path_factory: pytest.TempPathFactory) -> Page:
    root = tmp_path_factory.mktemp("page")
    arguments = options(stamps_directory, paths, root / "report.html")
    arguments += ["--metrics", str(write_json(root / "metrics.json", with_thresholds())), "--examples", "1"]
    assert paths.random_sky_scores is not None
    assert run_job("report", report.main, [*arguments, "--random-sky-scores", str(paths.random_sky_scores)]) == EXIT_DONE
    return Page((root / "report.html").read_text("utf-8"))


def test_shares_stand_by_stratum_at_each_cut_with_intervals(page: Page) -> None:
    said = words_of(page)
    assert "objects n p ≥ 0.3 p ≥ 0.5 FPR 1 % FPR 0.1 %" in said
    assert "spectroscopy, north of +32.375° 10 6 of 10 26 % to 88 % 5 of 10 19 % to 81 % 3 of 10 7 % to 65 % 0 of 10" in said
    assert "ground-based imaging, DECam 9 9 of 9 66 % to 100 % 9 of 9 66 % to 100 % 7 of 9 40 % to 97 % 4 of 9" in said
    assert "all lenses pooled over every stratum 20" in said and "DECam pooled over discoveries 10" in said
    assert "random sky 25 1 of 25" in said and "ring 2 1 of 2" in said


def test_each_lens_has_its_picture_score_radius_discovery_and_mark(page: Page) -> None:
    words = [image["alt"] or "" for image in page.all("img")]
    lenses = [alt.split()[2].rstrip(",") for alt in words if alt.startswith("Real lens ")]
    assert len(lenses) == 20 and [LOGITS[name] for name in lenses] == sorted((LOGITS[name] for name in lenses), reverse=True)
    assert sum(alt.startswith("Contaminant (ring) ") for alt in words) == 2
    said = words_of(page)
    assert "p 0.881 θE 0.80″ found by spectroscopy integrity ✓ holds n0" in said
    assert page.unbalanced == []


def test_what_does_not_hold_is_listed_and_has_no_score(page: Page) -> None:
    said = words_of(page)
    assert "Left out of every figure anchor what is wrong x0 ✗ " in said
    assert not any("x0" in (image["alt"] or "") for image in page.all("img"))
    assert "It does not show what share of all real lenses is found." in page.section_text["limits"]


def test_without_metrics_random_sky_or_support_the_page_says_so(
    stamps_directory: StampsDirectory, paths: AnchorPaths, tmp_path: Path
) -> None:
    alone = replace(paths, random_sky_scores=None)
    said = Page(render_report(read_inputs(ReportPaths(stamps_directory.stamps, anchors=alone)), 1)).section_text["anchors"]
    assert "no metrics.json was given" in said and "what chance gives is not known" in said and "FPR" not in said
    few = write_json(tmp_path / "metrics.json", with_thresholds(2_000))
    inputs = read_inputs(ReportPaths(stamps_directory.stamps, metrics=few, anchors=alone))
    assert inputs.anchors is not None and [cut.name for cut in inputs.anchors.cuts][2:] == ["FPR 1\u00a0%"]
    assert inputs.anchors.left_out == ("FPR 0.1\u00a0% is not supported by 2,000 negatives of the test split",)


def test_a_refused_set_shows_what_is_wrong_and_no_figure(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    refused = write_set(tmp_path, {name: PLACES[name] for name in NAMES[:12]}, ("n1", "n4", "s0"))
    page = Page(render_report(read_inputs(ReportPaths(stamps_directory.stamps, anchors=refused)), 1))
    said = words_of(page)
    assert "No recall is given for this set." in said and "3 of 12 anchors fail" in said
    assert all(f"{name} ✗" in said for name in ("n1", "n4", "s0")) and "n0" not in said
    assert "p ≥" not in said and not any("Real lens" in (image["alt"] or "") for image in page.all("img"))
    assert "It does not show that the network finds real lenses." in page.section_text["limits"]


def test_anchors_scored_by_another_network_than_the_metrics_are_refused(
    stamps_directory: StampsDirectory, paths: AnchorPaths, tmp_path: Path
) -> None:
    other = replace(rescored(paths, tmp_path / "s", LOGITS, "3" * 16), random_sky_scores=None)
    path = write_json(tmp_path / "metrics.json", metrics())
    wanted = (
        rf"anchor scores .* has checkpoint {'3' * 16}, .*metrics.json has {CHECKPOINT}; wanted anchors scored by the network"
    )
    with pytest.raises(InputError, match=wanted):
        read_inputs(ReportPaths(stamps_directory.stamps, metrics=path, anchors=other))


def test_a_part_that_is_lacking_is_named(
    stamps_directory: StampsDirectory, paths: AnchorPaths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = options(stamps_directory, paths, tmp_path / "report.html")[:-2]
    assert run_job("report", report.main, arguments) == EXIT_BAD_INPUT
    assert "asked for without --integrity; wanted all four directories of one set" in capsys.readouterr().err
