"""Lenses of a plan rendered again with one thing changed: less and less lens before the same source, or another size of it.

A stimulus keeps its lens's identity, and with it every keyed draw: the same knots, the same photon noise where the light is
the same. It is rendered whatever its signal to noise is: what a recipe would refuse is what a network is asked about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from schemas.stimuli import AS_BRIGHT, EINSTEIN_RADIUS, HOST, SOURCE_SIZE, STIMULI
from schemas.survey import BANDS
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.make_stamp import CONTROL, StampMaker

Row = dict[str, Any]

RADIUS_STEPS = (0.7, 0.5, 0.3, 0.15, 0.0)
SIZE_STEPS = (0.5, 0.7, 1.4, 2.0)
_NO_LENS_ARCSEC = 1e-4
"""Einstein radius that deflects by less than a thousandth of a pixel: the renderer wants a lens."""


def stimulus_maker(recipe: Recipe, bank: SourceBank | None) -> StampMaker:
    """A maker that refuses no arc for being faint."""
    return StampMaker(recipe.model_copy(update={"accept": None}), bank)


def stimuli_of(maker: StampMaker, task: Row, cutout: Row, raw_magnitudes: Mapping[str, float | None]) -> list[Row]:
    """STIMULI rows of one lens task: its host, itself (step 1), and every step of every sweep."""
    lens = task | {"pair_id": None}
    asked = [(HOST, 0.0, lens | {"kind": CONTROL, "label": 0}), (EINSTEIN_RADIUS, 1.0, lens)]
    asked += [(EINSTEIN_RADIUS, step, lens | with_radius(lens, step)) for step in RADIUS_STEPS]
    asked += [(SOURCE_SIZE, step, lens | with_size(lens, step)) for step in SIZE_STEPS]
    made = maker.host_rows([row for _, _, row in asked], cutout, raw_magnitudes)
    rows = [row | {"sweep": sweep, "step": step} for row, (sweep, step, _) in zip(made, asked, strict=True)]
    magnification = made[1]["magnification"]
    if magnification is not None and magnification > 0:
        bright = lens | with_radius(lens, 0.0) | brightened(lens, magnification)
        rows.append(maker.host_rows([bright], cutout, raw_magnitudes)[0] | {"sweep": AS_BRIGHT, "step": 1.0})
    told = [row | {"pair_id": task["pair_id"]} for row in rows]
    return [{name: row[name] for name in STIMULI.names} for row in told]


def with_radius(task: Row, step: float) -> Row:
    """What changes where the lens is so many times as large; of none the shear goes too."""
    if step == 0:
        return {"theta_e_arcsec": _NO_LENS_ARCSEC, "shear_1": 0.0, "shear_2": 0.0}
    return {"theta_e_arcsec": task["theta_e_arcsec"] * step}


def with_size(task: Row, step: float) -> Row:
    """What changes where the source is so many times as large, at its flux; an absent radius stays absent."""
    names = ("source_half_light_arcsec", "source_size_factor")
    return {name: task[name] * step for name in names if task[name] is not None}


def brightened(task: Row, factor: float) -> Row:
    """What changes where the source is so many times as bright."""
    change = 2.5 * math.log10(factor)
    magnitudes = {f"source_mag_{band}": task[f"source_mag_{band}"] for band in BANDS}
    return {name: value - change for name, value in magnitudes.items() if value is not None}
