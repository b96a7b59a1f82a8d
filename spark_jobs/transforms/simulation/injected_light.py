"""The noiseless light that a task adds to its host: a lensed source, that arc torn, or what a hard negative shows instead.

Legend: images (size, size) nMgy per pixel; a task is a row of the tasks table, a cutout one of the cutouts table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from schemas.refusal_reasons import Reason
from schemas.survey import BANDS
from spark_jobs.physics.azimuthal_shuffle import LikeItselfError, Tearing
from spark_jobs.physics.render_arc import Psf, RenderedArc, Scene, render_arc
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.keyed_chance import generator
from spark_jobs.transforms.simulation.negative_scenes import negative_scene
from spark_jobs.transforms.simulation.task_scene import RefusalError, SceneMaker

Row = dict[str, Any]


@dataclass(frozen=True)
class LightMaker:
    """Renders what tasks add to their hosts."""

    recipe: Recipe
    bank: SourceBank | None

    @cached_property
    def _scenes(self) -> SceneMaker:
        return SceneMaker(self.recipe, self.bank)

    def psf(self, task: Row, cutout: Row) -> dict[str, Psf]:
        """PSF of each band. Raises RefusalError where a band's is not known or cannot be."""
        return self._scenes.psf(task, cutout)

    def light(self, task: Row, cutout: Row, psf: Mapping[str, Psf]) -> RenderedArc:
        """Images of the light of a task of any kind but control; the magnification of what is not lensed means nothing.

        Raises RefusalError for a task that cannot be drawn, leaves no light on the stamp, or is no negative after all.
        """
        scene, magnitudes = self._scene(task, cutout)
        tearing = self._tearing(task) if task["kind"] == "shuffled" else None
        try:
            light = render_arc(scene, magnitudes, psf, tearing)
        except LikeItselfError as error:
            raise RefusalError(Reason.STILL_AN_ARC) from error
        except ValueError as error:
            raise RefusalError(Reason.BAD_PARAMETERS) from error
        if not light.magnification > 0:
            raise RefusalError(Reason.SOURCE_OFF_STAMP)
        if not all(np.isfinite(image.sum()) for image in light.images.values()):
            raise RefusalError(Reason.BAD_PARAMETERS)
        return light

    def _scene(self, task: Row, cutout: Row) -> tuple[Scene, Mapping[str, float]]:
        """The scene and the magnitude of its source in each band."""
        if task["kind"] in ("lens", "shuffled"):
            magnitudes = {band: task[f"source_mag_{band}"] for band in BANDS}
            if None in magnitudes.values():
                raise RefusalError(Reason.BAD_PARAMETERS)
            return self._scenes.scene(task, cutout), magnitudes
        return negative_scene(task, cutout, self._scenes)

    def _tearing(self, task: Row) -> Tearing:
        shuffled = self.recipe.negatives.shuffled if self.recipe.negatives else None
        if shuffled is None:
            raise RefusalError(Reason.BAD_PARAMETERS)
        return Tearing(shuffled.sectors, shuffled.maximum_correlation, generator(task["run_seed"], task["task_id"], "shuffle"))
