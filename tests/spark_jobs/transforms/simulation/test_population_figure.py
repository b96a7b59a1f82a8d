"""The picture of a population: every quantity has its panel and its median, and what real lenses have stands in it by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from spark_jobs.transforms.simulation.draw_population import QUANTITIES, Population
from spark_jobs.transforms.simulation.known_lens_values import KNOWN
from spark_jobs.transforms.simulation.population_figure import draw_figure, population_figure


def population(**changes: np.ndarray) -> Population:
    """Five hundred lenses, every quantity between 1 and 3."""
    values = np.linspace(1.0, 3.0, 501)
    return Population(dict.fromkeys(QUANTITIES, values) | changes, values, 4000, {"theta_e": 3499}, 0)


def panels(drawn: Population) -> dict[str, Axes]:
    figure = population_figure(drawn, "Recipe mine on 7 hosts")
    return dict(zip(QUANTITIES, figure.axes, strict=True))


def words(axes: Axes) -> list[str]:
    return [text.get_text().strip() for text in axes.texts]


def test_every_quantity_has_a_panel_with_its_name_and_its_median() -> None:
    for name, axes in panels(population(theta_e=np.full(90, 1.234))).items():
        median = "1.23" if name == "theta_e" else "2"
        assert axes.get_xlabel() == f"{QUANTITIES[name]}: median {median}"
        assert len(axes.patches) >= 2  # the curve


def test_what_real_lenses_have_stands_by_name_at_its_value() -> None:
    for name, axes in panels(population()).items():
        for value, shown in zip(KNOWN.get(name, ()), words(axes), strict=True):
            assert shown == (value.whose if value.is_range else f"{value.whose} {value.low:g}")
        low, high = axes.get_xlim()
        assert all(low <= value.low <= value.high <= high for value in KNOWN.get(name, ()))
        lines = [line.get_xdata()[0] for line in axes.lines]  # type: ignore[index]
        assert lines[1:] == [value.low for value in KNOWN.get(name, ()) if not value.is_range]
    assert words(panels(population())["arc_to_host"]) == ["failed experiment"]


def test_a_quantity_that_a_recipe_does_not_draw_says_so() -> None:
    none = panels(population(z_lens=np.full(500, np.nan)))["z_lens"]
    assert words(none) == ["not drawn by this recipe"]
    assert none.get_xlabel() == "lens redshift"


def test_values_of_a_logarithmic_axis_that_have_no_logarithm_are_left_out() -> None:
    axes = panels(population(arc_to_host=np.array([0.0, np.nan, -1.0, 0.1, 0.1, 0.1])))["arc_to_host"]
    assert axes.get_xlabel().endswith("median 0.1")
    assert axes.get_xscale() == "log"


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_population_gives_the_same_bytes(ending: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw_figure(population(), "Recipe mine on 7 hosts", tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
