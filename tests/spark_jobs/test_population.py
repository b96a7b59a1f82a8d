"""dhs population: a picture and a table to decide by, what real lenses have beside them, and bad calls refused in one line."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml

from schemas.job_entry import InputError
from schemas.locations import location
from spark_jobs.population import build_parser, main
from spark_jobs.recipe import parse_recipe
from spark_jobs.transforms.simulation.draw_population import QUANTITIES
from spark_jobs.transforms.simulation.known_lens_values import KNOWN, SLACS
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.recipe_texts import shipped_text
from tests.spark_jobs.small_bank import write_small_bank
from tests.spark_jobs.small_hosts import host_row, write_hosts_run


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    colours = {"mag_g": 19.6, "mag_z": 17.1, "z_phot": 0.35}
    rows = [host_row(n, 59.0, -30.0, "0591m305", cell=n // 4, mag_r=17.4 + n / 40, **colours) for n in range(60)]
    return write_hosts_run(tmp_path_factory.mktemp("hosts") / "hosts", {"hosts/shard-00000.parquet": rows})


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bank") / "bank.h5"
    write_small_bank(path)
    return path


def call(out: Path, hosts: Path, *options: Any, recipe: Any = "realistic", tasks: int = 2000) -> int:
    words = [recipe, "--hosts", hosts, "--out", out, "--tasks", tasks, *options]
    return main([str(word) for word in words])


def test_it_draws_a_picture_and_prints_the_figures_beside_those_of_real_lenses(
    hosts: Path, bank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path / "population.png", hosts, "--bank", bank) == 0
    assert (tmp_path / "population.png").read_bytes().startswith(b"\x89PNG")
    told = capsys.readouterr().out
    lines = {label: next(line for line in told.splitlines() if line.startswith(label)) for label in QUANTITIES.values()}
    assert lines["Einstein radius (arcsec)"].endswith("SLACS 1.23; finders 0.88")
    low, _, middle, _, high = map(float, re.findall(r"\d+\.?\d*", lines["Einstein radius (arcsec)"])[:5])
    assert 0.5 <= low < middle < high <= 3.0
    assert re.search(r"dhs population: 2,000 lenses of 2,000 tasks, [\d,]+ draws, refused for .*magnification \d", told)
    assert told.rstrip().endswith("population.png")


def test_the_same_call_gives_the_same_bytes(hosts: Path, bank: Path, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        assert call(tmp_path / name, hosts, "--bank", bank, "--threads", 2, tasks=300) == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_weighting_that_it_prints_is_a_recipe_s_and_makes_radii_come_equally_often(
    hosts: Path, bank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path / "population.png", hosts, "--bank", bank, tasks=4000) == 0
    told = capsys.readouterr().out
    block = told[told.index("weighting:") : told.index("dhs population:")]
    assert set(yaml.safe_load(block)) == {"weighting"}
    (tmp_path / "flat.yaml").write_text(shipped_text("realistic") + block)
    assert parse_recipe(shipped_text("realistic") + block, "flat").weighting is not None
    assert call(tmp_path / "flat.png", hosts, "--bank", bank, recipe=tmp_path / "flat.yaml", tasks=4000) == 0
    flat = capsys.readouterr().out
    assert re.search(r"weight \d+\.\d%", flat)

    def median_radius(text: str) -> float:
        return float(re.findall(r"\d+\.?\d*", next(line for line in text.splitlines() if "Einstein radius (" in line))[2])

    assert median_radius(flat) > median_radius(told) + 0.2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--tasks", 0), "--tasks 0; wanted 1 or more"),
        (("--threads", 0), "--threads 0; wanted 1 or more"),
        (("--seed", -3), "--seed -3; wanted 0 or more"),
        (("--out", "picture.jpeg"), r"--out picture\.jpeg; wanted a file ending in one of \.png, \.svg, \.pdf"),
        (("--out", "nowhere/at/all.png"), "the directory .*nowhere/at is not there"),
        (("--bank", "nowhere.h5"), r"source bank nowhere\.h5 is not there"),
    ],
)
def test_a_bad_call_is_told_before_anything_is_drawn(
    hosts: Path, bank: Path, tmp_path: Path, options: tuple[Any, ...], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        call(tmp_path / "population.png", hosts, "--bank", bank, *options)
    assert not (tmp_path / "population.png").exists()


def test_a_bank_that_is_wanted_and_hosts_that_cannot_be_used_are_told(hosts: Path, bank: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="recipe realistic draws its sources from a bank and none was given"):
        call(tmp_path / "population.png", hosts)
    text = shipped_text("realistic").replace("faintest_r: 20.0 mag", "faintest_r: 12.0 mag")
    (tmp_path / "bright.yaml").write_text(text)
    with pytest.raises(InputError, match=r"none of 60 hosts can be used by recipe realistic: fainter than r 12\.0 60"):
        call(tmp_path / "population.png", hosts, "--bank", bank, recipe=tmp_path / "bright.yaml")


def test_the_medians_of_known_lenses_are_those_of_their_table(shared_data: Path) -> None:
    table = shared_data / "anchors" / "SLACS_table_Auger2009.cat"
    rows = [line.split() for line in table.read_text().splitlines() if line and not line.startswith("#")]
    assert len(rows) == 59
    for quantity, column in (("z_lens", 3), ("z_source", 4), ("theta_e", 7)):
        (known,) = (value for value in KNOWN[quantity] if value.whose == SLACS)
        assert known.low == known.high == median(float(row[column]) for row in rows)


def test_the_help_shows_an_example_and_how_long_it_takes() -> None:
    text = " ".join(build_parser().format_help().split())
    assert "dhs population realistic --hosts hosts --bank cosmos.h5 --out population.png" in text
    assert "half a minute on two cores" in text


def test_hosts_bank_and_picture_may_be_in_s3(
    hosts: Path, bank: Path, s3: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = f"s3://{BUCKET}/population/picture.svg"
    words = ["--hosts", s3.put(hosts, "population/hosts"), "--bank", s3.put_bytes("population/bank.h5", bank.read_bytes())]
    assert main(["realistic", *words, "--out", out, "--tasks", "300"]) == 0
    assert f"; look at {out}\n" in capsys.readouterr().out
    assert call(tmp_path / "picture.svg", hosts, "--bank", bank, tasks=300) == 0
    assert location(out).read_bytes() == (tmp_path / "picture.svg").read_bytes()
