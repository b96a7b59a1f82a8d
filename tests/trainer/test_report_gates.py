"""Gates in a report: lights, figures and the pictures behind each verdict; gates of something else are refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from schemas.finished_files import file_sha256
from schemas.job_entry import InputError
from schemas.run_record import FINISHED_NAME, RunError, read_run
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.gates_runs import write_gates
from tests.trainer.report_runs import CHECKPOINT, Page, metrics, set_record, write_json
from trainer.report_inputs import ReportInputs, ReportPaths, read_inputs
from trainer.report_page import render_report


def read(run: StampsDirectory, *places: Path, measured: Path | None = None) -> ReportInputs:
    return read_inputs(ReportPaths(run.stamps, metrics=measured, gates=places))


@pytest.fixture(scope="module")
def page(stamps_directory: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> Page:
    root = tmp_path_factory.mktemp("gates")
    data = write_gates(stamps_directory, root / "data")
    model = write_gates(stamps_directory, root / "model", "gate-model", checkpoint=CHECKPOINT)
    return Page(render_report(read(stamps_directory, data, model), 1))


def test_every_gate_stands_with_its_light_figure_and_why(page: Page) -> None:
    said = page.section_text["gates"]
    assert "Of the data , train split" in said.replace("data,", "data ,") and "Of the network" in said
    assert said.count("1 fail") == 2 and said.count("1 not supported") == 2 and said.count("1 confounded") == 2
    assert "Core fail 0.812 (0.75 to 0.87) 0.75 to 0.87 lies wholly outside up to 0.55" in said
    assert "Metadata only pass 0.5 (0.47 to 0.53)" in said
    assert "Bank sizes not supported no figure no bank was given" in said
    assert "90 lenses, 90 others, 60 hosts; interval over 12 cells" in said
    lights = [tag["style"] for tag in page.all("span") if tag.get("class") == "light"]
    assert len(lights) == 2 * (4 + 4 + 4) and len(set(lights)) == 4


def test_the_pictures_behind_each_verdict_are_there_with_words(page: Page) -> None:
    words = [image["alt"] or "" for image in page.all("img")]
    assert sum(alt.startswith("Core: 0.812, interval 0.75 to 0.87") for alt in words) == 2
    assert sum("core (nMgy)" in alt for alt in words) == 2
    assert page.unbalanced == []


def test_what_fails_is_open_and_the_rest_is_a_click_away(page: Page) -> None:
    opened = {tag["id"]: "open" in tag for tag in page.all("details")}
    assert opened == {
        f"gate-{run}-{name}": name == "core" for run in (1, 2) for name in ("core", "metadata_only", "bank_sizes", "old_core")
    }


def test_the_headline_names_what_fails(page: Page) -> None:
    assert "Gates failed, of the data 1 of 4 failed: Core" in page.section_text["headline"]


def test_a_table_is_escaped_and_a_confounded_gate_has_no_limits(page: Page) -> None:
    assert "psf_fwhm_r_arcsec <none>" in page.section_text["gates"]
    assert page.section_text["gates"].count("why these limits") == 2 * 3


def test_unfinished_gates_are_refused(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    out = write_gates(stamps_directory, tmp_path / "g")
    (out / FINISHED_NAME).unlink()
    with pytest.raises(RunError, match=r"g holds an unfinished run: _run.json is not there"):
        read(stamps_directory, out)


def test_gates_of_another_recipe_or_of_other_stamps_are_refused(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    other = write_gates(stamps_directory, tmp_path / "recipe", recipe_hash="0" * 16)
    with pytest.raises(InputError, match=rf"recipe has recipe_hash {'0' * 16}, .*stamps has 5ca1ab1e5ca1ab1e; wanted gates"):
        read(stamps_directory, other)
    moved = write_gates(stamps_directory, tmp_path / "stamps", stamps_record="1" * 16)
    with pytest.raises(
        InputError, match=rf"stamps with record {'1' * 16}, .* has \w{{16}}; wanted gates asked of these stamps"
    ):
        read(stamps_directory, moved)


def test_gates_of_another_network_are_refused(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    out = write_gates(stamps_directory, tmp_path / "g", "gate-model", checkpoint="2" * 16)
    path = write_json(tmp_path / "metrics.json", metrics())
    with pytest.raises(InputError, match=rf"has checkpoint {'2' * 16}, .*metrics.json has {CHECKPOINT}; wanted gates asked"):
        read(stamps_directory, out, measured=path)
    assert len(read(stamps_directory, out).gates[0].gates) == 4  # a report without a network takes them


def test_gates_that_were_altered_since_are_refused(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    out = write_gates(stamps_directory, tmp_path / "g")
    path = out / "gates.json"
    path.write_text(path.read_text().replace('"fail"', '"pass"', 1))
    with pytest.raises(InputError, match=r"gates.json is not as its run wrote it"):
        read(stamps_directory, out)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("drawings", [{"uri": "https://example.org/x.png", "alt": "x", "caption": "x"}], "is not held in the file"),
        ("verdict", "maybe", "gates.0.verdict"),
    ],
)
def test_gates_in_another_layout_are_refused(
    stamps_directory: StampsDirectory, tmp_path: Path, key: str, value: object, said: str
) -> None:
    out = write_gates(stamps_directory, tmp_path / "g")
    content = json.loads((out / "gates.json").read_text())
    content["gates"][0][key] = value
    write_json(out / "gates.json", content)
    entry = {"path": "gates.json", "rows": 0, "bytes": 0, "sha256": file_sha256(out / "gates.json")}
    set_record(out, files=[one for one in read_run(out)["files"] if one["path"] != "gates.json"] + [entry])
    with pytest.raises(InputError, match=rf"not in the layout of gates: .*{re.escape(said)}"):
        read(stamps_directory, out)


def test_a_directory_of_something_else_is_refused(stamps_directory: StampsDirectory) -> None:
    with pytest.raises(InputError, match=r"holds no gates.json of a finished run; wanted a directory of dhs gate-data"):
        read(stamps_directory, stamps_directory.stamps)
