"""What a task asks to be drawn: its lens, its source and the PSFs that blur it, made ready for the renderer.

Legend: a task is a row of the tasks table, a cutout one of the cutouts table; angles in arcsec and rad as named there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from schemas.array_codec import BlobError, decode_arrays
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from spark_jobs.physics.knotted_sersic import KnottedSersic, knotted_sersic
from spark_jobs.physics.psf_profiles import CircularPsf, PixelPsf
from spark_jobs.physics.ray_trace import Lens
from spark_jobs.physics.render_arc import Psf, Scene
from spark_jobs.physics.source_light import Source, Template, ready_template, sersic_source, template_source
from spark_jobs.recipe import Recipe
from spark_jobs.recipe_priors import BankLight, FlatSquareLight
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.keyed_chance import generator

Row = dict[str, Any]

_FLAT_SQUARE_PIXELS = 96
_TEMPLATES_KEPT = 200  # 57 MB a worker of 128 x 128 templates on half pixels


class RefusalError(Exception):
    """A task cannot be made; carries the reason that its row will show."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.name)
        self.reason = reason


@dataclass(frozen=True)
class SceneMaker:
    """Turns tasks into scenes; templates are made ready once for the tasks that share them."""

    recipe: Recipe
    bank: SourceBank | None

    def scene(self, task: Row, cutout: Row) -> Scene:
        """The scene of a lens task. Raises RefusalError for a lens or a source that cannot be."""
        z_lens, z_source = task["z_lens"], task["z_source"]
        if z_lens is not None and z_source is not None and not z_source > z_lens:
            raise RefusalError(Reason.BAD_PARAMETERS)
        try:
            lens = Lens(
                task["theta_e_arcsec"],
                task["lens_axis_ratio"],
                task["lens_angle_rad"],
                task["shear_1"],
                task["shear_2"],
                2.0 if task["mass_slope"] is None else task["mass_slope"],
            )
            beta = (task["source_x_arcsec"], task["source_y_arcsec"])
            return Scene(lens, self.source(task), beta, lens_centre(task, cutout), cutout["size_pix"], PIXEL_SCALE_ARCSEC)
        except (TypeError, ValueError) as error:
            raise RefusalError(Reason.BAD_PARAMETERS) from error

    def source(self, task: Row) -> Source:
        """The source of a task. Raises RefusalError for a template that cannot be used, ValueError for other nonsense."""
        angle = task["source_angle_rad"]
        if task["source_kind"] == "sersic":
            return sersic_source(task["source_half_light_arcsec"], task["source_sersic_n"], task["source_axis_ratio"], angle)
        if task["source_kind"] == "sersic_knots":
            return self._knotted(task)
        if task["source_kind"] == "flat_square":
            light = self.recipe.priors.source_light
            if not isinstance(light, FlatSquareLight):
                raise RefusalError(Reason.BAD_PARAMETERS)
            side = _FLAT_SQUARE_PIXELS
            return template_source(_flat_square(), light.side / side, angle)
        try:
            if self.bank is None:
                raise RefusalError(Reason.TEMPLATE_UNUSABLE)
            scale = float(self.bank.pixel_scale_arcsec[self.bank.index(task["template_id"])])
            return template_source(self._ready(task["template_id"]), scale * task["source_size_factor"], angle)
        except (InputError, ValueError) as error:
            raise RefusalError(Reason.TEMPLATE_UNUSABLE) from error

    def psf(self, task: Row, cutout: Row) -> dict[str, Psf]:
        """PSF of each band: the recipe's profile with the width that the plan prescribes, else the cutout's own; or its image.

        Raises RefusalError where a band's is not known or cannot be.
        """
        widths = {band: task[f"psf_fwhm_used_{band}_arcsec"] or cutout[f"psf_fwhm_{band}_arcsec"] for band in BANDS}
        profile = self.recipe.psf.profile
        try:
            if profile == "kernel":
                kernels = decode_arrays(cutout["psf_npz"])
                return {band: PixelPsf(kernels[f"psf_{band}"].astype(np.float64), float(widths[band])) for band in BANDS}
            return {band: CircularPsf(float(width), profile, self.recipe.psf.beta) for band, width in widths.items()}
        except (BlobError, KeyError, TypeError, ValueError) as error:
            raise RefusalError(Reason.PSF_UNKNOWN) from error

    def _knotted(self, task: Row) -> Source:
        light = self.recipe.priors.source_light
        if not isinstance(light, BankLight):
            raise RefusalError(Reason.BAD_PARAMETERS)
        shape = KnottedSersic(
            task["source_half_light_arcsec"],
            task["source_sersic_n"],
            task["source_axis_ratio"],
            task["source_knots"],
            task["source_knot_share"],
            light.knot_fwhm,
        )
        drawn = knotted_sersic(shape, generator(task["run_seed"], task["task_id"], "knots"))
        return template_source(drawn.image, drawn.pixel_scale_arcsec, task["source_angle_rad"])

    @cached_property
    def _ready(self) -> Callable[[str], Template]:
        bank = self.bank
        if bank is None:
            raise RefusalError(Reason.TEMPLATE_UNUSABLE)
        return lru_cache(maxsize=_TEMPLATES_KEPT)(lambda template_id: ready_template(bank.template(template_id)))


def lens_centre(task: Row, cutout: Row) -> tuple[float, float]:
    """Place (x, y) of the lens on the stamp in pixels."""
    return (
        cutout["x_centre_pix"] + task["lens_dx_arcsec"] / PIXEL_SCALE_ARCSEC,
        cutout["y_centre_pix"] + task["lens_dy_arcsec"] / PIXEL_SCALE_ARCSEC,
    )


@lru_cache(maxsize=1)
def _flat_square() -> Template:
    side = _FLAT_SQUARE_PIXELS
    return ready_template(np.full((side, side), side**-2.0))
