"""One task and its host's cutout become one row of the stamps table: rendered, judged, noise added, encoded; or refused.

Legend: images (size, size) float32 nMgy per pixel, x to the west, y to the north; magnitudes AB; widths in arcsec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.array_codec import decode_arrays, encode_stamp
from schemas.cutouts import MASKED_FRACTION, PSF_FWHM, SIZE, SKY_SIGMA, UNCOVERED_FRACTION, X_CENTRE, Y_CENTRE
from schemas.hosts import PSF_DEPTH
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.stamps import OBSERVABLES, STAMPS
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from spark_jobs.physics.arc_observables import arc_visibility, magnitude_of
from spark_jobs.physics.psf_profiles import CircularPsf
from spark_jobs.physics.ray_trace import Lens
from spark_jobs.physics.render_arc import RenderedArc, Scene, render_arc, shot_noise
from spark_jobs.physics.source_light import Source, sersic_source, template_source
from spark_jobs.recipe import Recipe
from spark_jobs.recipe_priors import FlatSquareLight
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.keyed_chance import generator

Row = dict[str, Any]
Pixels = dict[str, npt.NDArray[np.generic]]

_FLAT_SQUARE_PIXELS = 96
_FROM_CUTOUT: tuple[str, ...] = (
    "ra_deg",
    "dec_deg",
    "brickname",
    *(column.name for column in (SIZE, X_CENTRE, Y_CENTRE, MASKED_FRACTION, UNCOVERED_FRACTION)),
    *(column.name for column in (*PSF_FWHM, *PSF_DEPTH, *SKY_SIGMA)),
)


class RefusalError(Exception):
    """A task cannot be made; carries the reason that its row will show."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.name)
        self.reason = reason


@dataclass(frozen=True)
class StampMaker:
    """What every task of a run is made with."""

    recipe: Recipe
    bank: SourceBank | None

    def host_rows(self, tasks: list[Row], cutout: Row, raw_magnitudes: Mapping[str, float | None]) -> list[Row]:
        """The rows of all tasks of one host, in the order of the tasks; a pair is made or refused as one."""
        pixels = decode_arrays(cutout["cutout_npz"]) if cutout["cutout_npz"] is not None else None
        rows = [self._row(task, cutout, raw_magnitudes, pixels) for task in tasks]
        refused = {row["pair_id"] for row in rows if row["reasons"]}
        for row in rows:
            if not row["reasons"] and row["pair_id"] is not None and row["pair_id"] in refused:
                row |= {"reasons": Reason.PARTNER_REFUSED.value, "stamp_npz": None}
        return rows

    def _row(self, task: Row, cutout: Row, raw_magnitudes: Mapping[str, float | None], pixels: Pixels | None) -> Row:
        row: Row = dict.fromkeys(STAMPS.names)
        row |= {name: value for name, value in task.items() if name in row}
        row |= {name: cutout[name] for name in _FROM_CUTOUT}
        row |= {f"mag_raw_{band}": raw_magnitudes[band] for band in BANDS}
        row["reasons"] = task["reasons"] | cutout["reasons"]
        if pixels is None or row["reasons"]:
            return row
        try:
            images, observables = self._images(task, cutout, raw_magnitudes, pixels)
        except RefusalError as refusal:
            row["reasons"] |= refusal.reason.value
            return row
        row |= observables
        row["reasons"] |= self._judgement(observables) if task["label"] else 0
        row["stamp_npz"] = None if row["reasons"] else encode_stamp(images)
        return row

    def _images(
        self, task: Row, cutout: Row, raw_magnitudes: Mapping[str, float | None], pixels: Pixels
    ) -> tuple[dict[str, npt.NDArray[np.float32]], Row]:
        """Images of the stamp and, for a lens, its observables."""
        absent = [band for band in BANDS if f"image_{band}" not in pixels]
        if absent:
            raise RefusalError(Reason.BAND_MISSING)
        hosts = {band: pixels[f"image_{band}"].astype(np.float32) for band in BANDS}
        if not task["label"]:
            return hosts, {}
        psf = self._psf(task, cutout)
        arc = self._render(task, cutout, psf)
        images = {}
        for band in BANDS:
            light = arc.images[band]
            if self.recipe.noise.law == "shot" and self.recipe.noise.gain is not None:
                rng = generator(task["run_seed"], task["task_id"], "shot noise", band)
                light = light + shot_noise(light, self.recipe.noise.gain, rng)
            images[band] = (hosts[band] + light).astype(np.float32)
        return images, _observables(task, arc, psf, pixels["invvar_r"], raw_magnitudes["r"])

    def _psf(self, task: Row, cutout: Row) -> dict[str, CircularPsf]:
        """PSF of each band: the width that the plan prescribes, else the cutout's own."""
        widths = {band: task[f"psf_fwhm_used_{band}_arcsec"] or cutout[f"psf_fwhm_{band}_arcsec"] for band in BANDS}
        try:
            return {band: CircularPsf(float(w), self.recipe.psf.profile, self.recipe.psf.beta) for band, w in widths.items()}
        except (TypeError, ValueError) as error:
            raise RefusalError(Reason.PSF_UNKNOWN) from error

    def _render(self, task: Row, cutout: Row, psf: Mapping[str, CircularPsf]) -> RenderedArc:
        centre = (
            cutout["x_centre_pix"] + task["lens_dx_arcsec"] / PIXEL_SCALE_ARCSEC,
            cutout["y_centre_pix"] + task["lens_dy_arcsec"] / PIXEL_SCALE_ARCSEC,
        )
        try:
            lens = Lens(
                task["theta_e_arcsec"], task["lens_axis_ratio"], task["lens_angle_rad"], task["shear_1"], task["shear_2"]
            )
            beta = (task["source_x_arcsec"], task["source_y_arcsec"])
            scene = Scene(lens, self._source(task), beta, centre, cutout["size_pix"], PIXEL_SCALE_ARCSEC)
            arc = render_arc(scene, {band: task[f"source_mag_{band}"] for band in BANDS}, psf)
        except (TypeError, ValueError) as error:
            raise RefusalError(Reason.BAD_PARAMETERS) from error
        if not arc.magnification > 0:
            raise RefusalError(Reason.SOURCE_OFF_STAMP)
        if not all(np.all(np.isfinite(image)) for image in arc.images.values()):
            raise RefusalError(Reason.BAD_PARAMETERS)
        return arc

    def _source(self, task: Row) -> Source:
        angle = task["source_angle_rad"]
        if task["source_kind"] == "sersic":
            return sersic_source(task["source_half_light_arcsec"], task["source_sersic_n"], task["source_axis_ratio"], angle)
        if task["source_kind"] == "flat_square":
            light = self.recipe.priors.source_light
            if not isinstance(light, FlatSquareLight):
                raise RefusalError(Reason.BAD_PARAMETERS)
            side = _FLAT_SQUARE_PIXELS
            return template_source(np.full((side, side), side**-2.0), light.side / side, angle)
        try:
            if self.bank is None:
                raise RefusalError(Reason.TEMPLATE_UNUSABLE)
            scale = float(self.bank.pixel_scale_arcsec[self.bank.index(task["template_id"])])
            return template_source(self.bank.template(task["template_id"]), scale * task["source_size_factor"], angle)
        except (InputError, ValueError) as error:
            raise RefusalError(Reason.TEMPLATE_UNUSABLE) from error

    def _judgement(self, observables: Row) -> int:
        """Reason bits of a rendered arc that the recipe does not accept; the row keeps what was measured."""
        accept = self.recipe.accept
        if accept is None:
            return 0
        faint = observables["arc_snr"] < accept.minimum_rendered_arc_snr
        return Reason.ARC_TOO_FAINT.value if faint else 0


def _observables(
    task: Row, arc: RenderedArc, psf: Mapping[str, CircularPsf], invvar: npt.NDArray[Any], host_mag_r: float | None
) -> Row:
    """Every column of OBSERVABLES, and the PSF widths that were used."""
    visible = arc_visibility(arc.images["r"], invvar)
    flux = {band: float(arc.images[band].sum()) for band in BANDS}
    measured: Row = {
        "magnification": arc.magnification,
        "arc_snr": visible.snr,
        "arc_peak_snr": visible.peak_snr,
        "arc_pixels_1sigma": visible.pixels_1sigma,
        "arc_pixels_5sigma": visible.pixels_5sigma,
        "arc_to_host_flux": None if host_mag_r is None else flux["r"] / 10 ** (0.4 * (22.5 - host_mag_r)),
        "theta_e_over_fwhm": task["theta_e_arcsec"] / psf["r"].fwhm_arcsec,
    }
    measured |= {f"injected_mag_{band}": magnitude_of(flux[band]) for band in BANDS}
    lacking = {column.name for column in OBSERVABLES} ^ measured.keys()
    if lacking:
        raise RuntimeError(f"observables computed and observables of the contract differ in {', '.join(sorted(lacking))}")
    return measured | {f"psf_fwhm_used_{band}_arcsec": psf[band].fwhm_arcsec for band in BANDS}
