"""dhs report: one file that asks for nothing, shows every section, escapes hostile names and keeps its claims small."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.job_entry import EXIT_BAD_INPUT, EXIT_DONE, run_job
from schemas.run_record import read_run
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory
from tests.trainer.report_runs import CHECKPOINT, Page, metrics, set_record, write_json, write_log, write_scores
from trainer import report
from trainer.figures_population import draws_figure, histogram
from trainer.figures_scores import roc_figure, supported_from
from trainer.report_inputs import ReportPaths, read_inputs
from trainer.report_metrics import SplitMetrics
from trainer.report_page import render_report

SECTIONS = (
    "gallery",
    "population",
    "counts",
    "scores",
    "training",
    "hard",
    "anchors",
    "gates",
    "completeness",
    "reading",
    "limits",
)


@pytest.fixture(scope="module")
def full(stamps_directory: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """A report with every input, made through the command line."""
    root = tmp_path_factory.mktemp("report")
    arguments = ["--stamps", str(stamps_directory.stamps), "--plan", str(stamps_directory.plan)]
    arguments += ["--scores", str(write_scores(stamps_directory, root / "scores"))]
    arguments += ["--metrics", str(write_json(root / "metrics.json", metrics()))]
    arguments += ["--checkpoint-log", str(write_log(root / "log.jsonl"))]
    arguments += ["--out", str(root / "deep" / "report.html"), "--examples", "5"]
    assert run_job("report", report.main, arguments) == EXIT_DONE
    return Page((root / "deep" / "report.html").read_text("utf-8"))


@pytest.fixture(scope="module")
def bare(stamps_directory: StampsDirectory) -> Page:
    """A report of stamps alone."""
    return Page(render_report(read_inputs(ReportPaths(stamps_directory.stamps)), 3))


def with_metrics(run: StampsDirectory, root: Path, content: dict[str, Any]) -> Page:
    paths = ReportPaths(run.stamps, metrics=write_json(root / "metrics.json", content))
    return Page(render_report(read_inputs(paths), 1))


def test_nothing_is_asked_of_the_network(full: Page) -> None:
    for tag, attributes in full.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            value = attributes.get(name) or ""
            assert not value or value.startswith(("data:", "#")), f"<{tag} {name}={value[:60]}>"
    assert not full.all("script") and not full.all("link") and not full.all("iframe")
    assert "url(" not in full.section_text["style"] and "@import" not in full.section_text["style"]
    (policy,) = (meta["content"] for meta in full.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'")


def test_every_picture_has_words(full: Page) -> None:
    pictures = full.all("img")
    assert len(pictures) > 5 * 3 + 2 * 5
    assert all(len(picture.get("alt") or "") > 10 for picture in pictures)


def test_every_section_stands_and_is_linked(full: Page, bare: Page) -> None:
    for page in (full, bare):
        ids = [attributes.get("id") for attributes in page.all("section")]
        assert ids == ["headline", *SECTIONS]
        assert [link["href"] for link in page.all("a")] == [f"#{name}" for name in SECTIONS]
        assert page.unbalanced == []


def test_the_title_says_what_made_it(full: Page, stamps_directory: StampsDirectory) -> None:
    record = read_run(stamps_directory.stamps)
    for said in (
        "synthetic",
        record["recipe_hash"],
        "run seed 7",
        record["code_version"],
        CHECKPOINT,
        record["finished_utc"][:10],
    ):
        assert said in full.section_text["header"]


def test_counts_are_those_of_the_directory(full: Page) -> None:
    headline, counts = full.section_text["headline"], full.section_text["counts"]
    assert "Stamps made 148 12 of 160 tasks refused" in headline
    assert "Lenses / others, test 22 / 22 22 host galaxies" in headline
    assert "160 tasks were planned and 160 rows stand : no task is lost." in counts.replace("stand:", "stand :")
    assert "train lens 38 2 40" in counts
    assert "MASKED_PIXELS more masked pixels in the stamp than allowed, or one at its centre 12" in counts
    assert "PARTNER_REFUSED the other half of the pair was refused 6" in counts


def test_draws_are_added_up_to_the_denominator(full: Page) -> None:
    """80 lenses with 3 draws each, 2 of them refused for their signal to noise."""
    counts = full.section_text["counts"]
    assert "240 draws of a lens and its source" in counts
    assert "refused: arc S/N 160 66.7" in counts
    assert "accepted 80 33.3" in counts


def test_a_plan_and_stamps_that_differ_are_told(stamps_directory: StampsDirectory) -> None:
    inputs = replace(read_inputs(ReportPaths(stamps_directory.stamps, stamps_directory.plan)), tasks_planned=161)
    assert "161 tasks were planned and 160 rows stand: the two differ" in _flat(Page(render_report(inputs, 1)), "counts")


def test_auc_stands_with_its_interval(full: Page) -> None:
    assert "AUC 0.9123 95\u00a0% interval 0.8800 to 0.9400; test split, 22 lenses, 22 others" in full.section_text[
        "headline"
    ].replace("95 %", "95\u00a0%")


def test_a_rate_without_enough_negatives_is_not_printed(full: Page) -> None:
    for name in ("headline", "scores"):
        assert "75.0" not in full.section_text[name]
    assert "not supported by 22 negatives" in full.section_text["headline"]


def test_a_rate_with_enough_negatives_is_printed(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    page = with_metrics(stamps_directory, tmp_path, metrics(n_negative=5000))
    assert "75.0 % 95 % interval 60.0 to 85.0 %" in _flat(page, "headline")
    assert "0.1 % not supported 5,000 5" in _flat(page, "scores")


@pytest.mark.parametrize("auc", [None, {"value": None, "why": "one class only"}])
def test_an_auc_that_is_none_says_why(stamps_directory: StampsDirectory, tmp_path: Path, auc: Any) -> None:
    content = metrics(auc=auc, why="one class only", tpr_at_fpr=[], roc={"fpr": [], "tpr": []})
    assert "AUC none one class only" in _flat(with_metrics(stamps_directory, tmp_path, content), "headline")


def test_absent_inputs_are_named_and_not_drawn(bare: Page) -> None:
    assert "No scores and no metrics.json were given." in bare.section_text["scores"]
    assert "No training log was given." in bare.section_text["training"]
    assert "No scores were given." in bare.section_text["hard"]
    assert "AUC not measured" in bare.section_text["headline"]
    assert "tasks were planned" not in bare.section_text["counts"]


def test_scores_without_metrics_and_the_reverse_say_what_is_missing(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    scores = write_scores(stamps_directory, tmp_path / "scores")
    page = Page(render_report(read_inputs(ReportPaths(stamps_directory.stamps, scores=scores)), 1))
    assert "No metrics.json was given, so there is no ROC" in page.section_text["scores"]
    page = with_metrics(stamps_directory, tmp_path, metrics())
    assert "No scores were given, so there is no histogram" in page.section_text["scores"]


def test_it_says_in_plain_words_what_it_does_not_show(bare: Page) -> None:
    limits = _flat(bare, "limits")
    assert "does not show that the network finds real lenses" in limits
    assert "AUC of 0.99 on such a set and fail on the sky" in limits
    assert "50 % of the training stamps are lenses" in _flat(bare, "reading")


def test_a_hostile_name_is_text_and_nothing_else(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    shutil.copytree(stamps_directory.stamps, tmp_path / "stamps")
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{ 7*7 }}'
    set_record(tmp_path / "stamps", recipe_name=evil, recipe_hash=evil, code_version=evil)
    html = render_report(read_inputs(ReportPaths(tmp_path / "stamps")), 1)
    page = Page(html)
    assert not page.all("script")
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert evil in page.section_text["header"] and "<script" not in html


def test_the_same_inputs_give_the_same_bytes(stamps_directory: StampsDirectory) -> None:
    inputs = ReportPaths(stamps_directory.stamps)
    assert render_report(read_inputs(inputs), 2) == render_report(read_inputs(inputs), 2)


def test_a_run_in_which_everything_was_refused_still_has_a_report(tmp_path: Path) -> None:
    run = write_stamps_directory(tmp_path, {"train": 2, "val": 2, "test": 2}, size=16)
    page = Page(render_report(read_inputs(ReportPaths(run.stamps)), 4))
    assert "No lens was made" in page.section_text["gallery"]
    assert "Stamps made 0 12 of 12 tasks refused" in page.section_text["headline"]


def test_bad_arguments_are_one_line_and_leave_no_file(
    stamps_directory: StampsDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.html"
    for extra in (["--examples", "0"], ["--metrics", str(tmp_path / "nothing.json")], ["--scores", str(tmp_path)]):
        assert (
            run_job("report", report.main, ["--stamps", str(stamps_directory.stamps), "--out", str(out), *extra])
            == EXIT_BAD_INPUT
        )
    assert run_job("report", report.main, ["--stamps", str(tmp_path), "--out", str(out)]) == EXIT_BAD_INPUT
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 4 and all(line.startswith("dhs report: error: ") for line in errors)
    assert list(tmp_path.iterdir()) == []


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        report.main(["--help"])
    assert "dhs report --stamps run/stamps --plan run/plan --out report.html" in capsys.readouterr().out


# ---- figures


def test_a_histogram_says_its_figures_and_drops_what_is_not_finite() -> None:
    values = np.array([1.0, 2.0, 3.0, np.nan, np.inf])
    figure = histogram({"lenses": values}, "θE (arcsec)", "caption")
    assert figure is not None
    assert "lenses: 3 values, median 2," in figure.alt
    assert histogram({"lenses": np.array([np.nan])}, "x", "caption") is None
    assert histogram({"lenses": np.array([-1.0, 0.0])}, "x", "caption", log=True) is None


@pytest.mark.parametrize("values", [[2.0], [2.0, 2.0], [0.0]])
@pytest.mark.parametrize("log", [False, True])
def test_a_single_value_can_be_drawn(values: list[float], log: bool) -> None:
    figure = histogram({"lenses": np.array(values)}, "x", "caption", log=log)
    assert (figure is None) == (log and values == [0.0])


def test_draws_without_a_count_have_no_figure() -> None:
    assert draws_figure({"arc S/N": 0}, 0) is None
    figure = draws_figure({"arc S/N": 30}, 10)
    assert figure is not None and "40 draws: arc S/N 30, accepted 10" in figure.alt


def test_the_roc_is_supported_from_ten_expected_false_positives_on() -> None:
    assert supported_from(1000) == pytest.approx(0.01)
    assert supported_from(0) == 1.0
    figure = roc_figure("test", SplitMetrics.model_validate(metrics(n_negative=400)["splits"]["test"]))
    assert figure is not None
    assert "from a rate of 0.025 upwards; the part below is greyed" in figure.alt
    assert roc_figure("test", SplitMetrics(n_positive=1, n_negative=1)) is None


def _flat(page: Page, section: str) -> str:
    """Text of a section with single spaces, non-breaking ones included, and none before a colon."""
    return re.sub(r"\s+", " ", page.section_text[section].replace("\u00a0", " ")).replace(" :", ":")
