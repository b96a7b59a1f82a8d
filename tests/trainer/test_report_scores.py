"""The scores section: four rates, calibration before and after, lenses found by what they are; or none of it, in peace."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.synthetic_stamps import StampsDirectory
from tests.trainer.report_runs import Page, metrics, write_json
from tests.trainer.scored_samples import evaluated
from trainer.figures_calibration import found_figure
from trainer.report_inputs import ReportPaths, read_inputs
from trainer.report_metrics import Condition, read_metrics
from trainer.report_page import render_report
from trainer.report_scores import scores_figures, shown_rate
from trainer.temperature import Temperature


def page_of(stamps_directory: StampsDirectory, root: Path, content: dict[str, Any]) -> Page:
    paths = ReportPaths(stamps_directory.stamps, metrics=write_json(root / "metrics.json", content))
    return Page(render_report(read_inputs(paths), 1))


def text_of(page: Page, section: str = "scores") -> str:
    return re.sub(r"\s+", " ", page.section_text[section].replace("\u00a0", " "))


@pytest.fixture(scope="module")
def page(stamps_directory: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return page_of(stamps_directory, tmp_path_factory.mktemp("scores"), evaluated())


def test_all_four_rates_stand_and_those_that_are_not_supported_say_so(page: Page) -> None:
    said = text_of(page)
    assert re.search(r" 10 % \d+\.\d % 95 % interval .* 1 % \d+\.\d % 95 % interval", said)
    assert re.search(r" 0\.1 % not supported 1,200 1\.2 not supported not supported", said)
    assert re.search(r" 0\.01 % not supported 1,200 0\.12 not supported not supported", said)
    assert "purity at 1 in 10,000 purity at 1 in 2,000" in said


def test_the_headline_still_speaks_of_one_percent(page: Page) -> None:
    headline = text_of(page, "headline")
    assert headline.count("Lenses found at FPR 1 %") == 1 and "FPR 10 %" not in headline


def test_calibration_is_shown_before_and_after_the_temperature(page: Page) -> None:
    said = text_of(page)
    assert re.search(r"as scored \d\.\d+ \(.* to .*\).* logits divided by T = [12]\.\d\d \(", said)
    assert "share of lenses, 50 %" in said and "No temperature is shown" not in said
    (words,) = (image["alt"] for image in page.all("img") if (image.get("alt") or "").startswith("Reliability"))
    assert words is not None
    before, after = map(float, re.findall(r"ECE (\d\.\d+)", words))
    assert after < before


def test_lenses_found_are_drawn_by_what_they_are_at_each_supported_rate(page: Page) -> None:
    drawn = [image["alt"] or "" for image in page.all("img") if (image.get("alt") or "").startswith("Share of lenses found")]
    assert len(drawn) == 2
    assert "by θE / PSF FWHM (r): at FPR 10\u00a0% 0.5\u20130.75: 0." in drawn[0]
    assert drawn[0].count("0.5\u20130.75: ") == 2  # once at each rate
    assert all("at FPR 1\u00a0%" in words and "at FPR 0.1\u00a0%" not in words for words in drawn)


def test_kinds_and_skies_are_tabled_with_intervals(page: Page) -> None:
    said = text_of(page)
    assert re.search(r"control 600 0\.\d+ \(0\.\d+ to .*?\) \d\.\d % \(.*? to .*?\) ring 600 ", said)
    assert said.count("depth, r (mag)") == 5 and said.count("PSF FWHM, r (arcsec)") == 5
    assert "threshold for FPR 1 %" in said


def test_the_page_is_well_formed_and_its_pictures_have_words(page: Page) -> None:
    assert page.unbalanced == []
    assert all(len(picture.get("alt") or "") > 10 for picture in page.all("img"))


def test_a_missing_temperature_says_why(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    content = evaluated(400, Temperature(None, "the val split was not scored"))
    said = text_of(page_of(stamps_directory, tmp_path, content))
    assert "No temperature is shown: the val split was not scored." in said and "divided by T" not in said
    assert "threshold for FPR 10 %" in said  # 200 negatives support no smaller rate


def test_too_few_objects_are_a_sentence_and_no_figure(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    said = text_of(page_of(stamps_directory, tmp_path, evaluated(60)))
    assert "no false positive rate is supported by the split's 30 distinct negatives" in said
    assert "Lenses found by Einstein radius" not in said and "nan" not in said.lower()


def test_an_evaluation_of_before_has_none_of_it_and_still_a_page(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    old = page_of(stamps_directory, tmp_path, metrics(n_negative=5000))
    said = text_of(old)
    assert "75.0 %" in said and old.unbalanced == []
    assert not any(word in said for word in ("Calibration", "By kind", "By depth", "Purity", "purity"))
    figures = scores_figures(read_metrics(tmp_path / "metrics.json"))
    assert len([figure for figure in figures if figure]) == 1


def test_tables_speak_of_one_percent_or_of_the_smallest_rate_that_is_supported(tmp_path: Path) -> None:
    for n, wanted in ((60, None), (400, 0.1), (2400, 0.01)):
        path = write_json(tmp_path / f"{n}.json", evaluated(n, Temperature(None, "none")))
        assert shown_rate(read_metrics(path).shown()[1]) == wanted


def test_a_condition_without_enough_lenses_anywhere_is_not_drawn() -> None:
    cell = {"lower": 0.0, "upper": 1.0, "n_positive": 3, "n_negative": 50, "tpr": None, "why": "3 lenses"}
    assert found_figure(Condition.model_validate({"cells": [cell]}), "x", "caption") is None


def test_the_grey_of_the_roc_counts_distinct_negatives(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    shown = page_of(stamps_directory, tmp_path, metrics(n_negative=5000, n_distinct_negative=100))
    (words,) = (image["alt"] for image in shown.all("img") if (image.get("alt") or "").startswith("ROC curve"))
    assert words is not None and "100 negatives from a rate of 0.1 upwards" in words


def test_the_roc_names_its_unsupported_part_and_the_rates_it_marks(page: Page) -> None:
    (words,) = (image["alt"] or "" for image in page.all("img") if (image.get("alt") or "").startswith("ROC curve"))
    assert "from a rate of 0.0083 upwards; the part below is greyed as not supported" in words
    marked = re.findall(r"(0\.\d+) \((0\.\d+) to (0\.\d+)\) at (0\.\d+)", words)
    assert [rate for *_, rate in marked] == ["0.1", "0.01"]
    assert all(float(low) <= float(value) <= float(high) for value, low, high, _ in marked)
