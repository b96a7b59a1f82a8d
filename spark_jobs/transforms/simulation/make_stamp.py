"""One task and its host's cutout become one row of the stamps table: rendered, judged, noise added, encoded; or refused.

Legend: images (size, size) float32 nMgy per pixel, x to the west, y to the north; magnitudes AB; widths in arcsec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.array_codec import Quantisation, decode_arrays, encode_stamp
from schemas.cutouts import MASKED_FRACTION, PSF_FWHM, SIZE, SKY_SIGMA, UNCOVERED_FRACTION, X_CENTRE, Y_CENTRE
from schemas.hosts import PSF_DEPTH
from schemas.refusal_reasons import Reason
from schemas.stamps import OBSERVABLES, STAMPS
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from spark_jobs.physics.arc_observables import arc_visibility, magnitude_of
from spark_jobs.physics.effective_gain import effective_gain
from spark_jobs.physics.keyed_uniforms import text_key
from spark_jobs.physics.render_arc import Psf, RenderedArc, shot_noise
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.keyed_chance import generator
from spark_jobs.transforms.simulation.injected_light import LightMaker
from spark_jobs.transforms.simulation.task_scene import RefusalError

Row = dict[str, Any]

CONTROL = "control"
_EMPTY_ROW: Row = dict.fromkeys(STAMPS.names)
_FROM_CUTOUT: tuple[str, ...] = (
    "ra_deg",
    "dec_deg",
    "brickname",
    *(column.name for column in (SIZE, X_CENTRE, Y_CENTRE, MASKED_FRACTION, UNCOVERED_FRACTION)),
    *(column.name for column in (*PSF_FWHM, *PSF_DEPTH, *SKY_SIGMA)),
)


@dataclass(frozen=True)
class Host:
    """What the tasks of one host share: its cutout's row and pixels, and its magnitudes as observed."""

    cutout: Row
    raw_magnitudes: Mapping[str, float | None]
    pixels: Mapping[str, npt.NDArray[Any]]

    @cached_property
    def columns(self) -> Row:
        """Columns of the stamps table that come from the host."""
        shared = {name: self.cutout[name] for name in _FROM_CUTOUT}
        return shared | {f"mag_raw_{band}": self.raw_magnitudes[band] for band in BANDS}

    @cached_property
    def images(self) -> dict[str, npt.NDArray[np.float32]]:
        """The survey's image in each band; raises RefusalError where a band is absent or has no data at all."""
        if not all(f"image_{band}" in self.pixels for band in BANDS):
            raise RefusalError(Reason.BAND_MISSING)
        if not all(np.any(np.greater(self.pixels[f"invvar_{band}"], 0)) for band in BANDS):
            raise RefusalError(Reason.UNCOVERED_PIXELS)
        return {band: self.pixels[f"image_{band}"].astype(np.float32, copy=False) for band in BANDS}


@dataclass(frozen=True)
class StampMaker:
    """What every task of a run is made with."""

    recipe: Recipe
    bank: SourceBank | None

    def host_rows(self, tasks: list[Row], cutout: Row, raw_magnitudes: Mapping[str, float | None]) -> list[Row]:
        """The rows of all tasks of one host, in the order of the tasks; a pair is made or refused as one."""
        host = Host(cutout, raw_magnitudes, decode_arrays(cutout["cutout_npz"]) if cutout["cutout_npz"] is not None else {})
        gains: dict[str, float | None] = {}
        rows = []
        for task in tasks:
            row = _EMPTY_ROW | task | host.columns
            row["reasons"] = task["reasons"] | cutout["reasons"]
            if host.pixels and not row["reasons"]:
                try:
                    if task["kind"] != CONTROL and not gains:
                        gains = self._gains(host)
                    self._make(row, host, gains)
                except RefusalError as refusal:
                    row["reasons"] |= refusal.reason.value
            rows.append(row)
        refused = {row["pair_id"] for row in rows if row["reasons"]}
        for row in rows:
            if not row["reasons"] and row["pair_id"] is not None and row["pair_id"] in refused:
                row |= {"reasons": Reason.PARTNER_REFUSED.value, "stamp_npz": None}
        return rows

    @cached_property
    def _lights(self) -> LightMaker:
        return LightMaker(self.recipe, self.bank)

    def _make(self, row: Row, host: Host, gains: Mapping[str, float | None]) -> None:
        """Fill a task's row in: its pixels and what was measured, or the reasons why its arc is not accepted."""
        images = host.images
        if row["kind"] != CONTROL:
            psf = self._lights.psf(row, host.cutout)
            arc = self._lights.light(row, host.cutout, psf)
            images = self._added(row, images, arc, gains)
            row |= _observables(row, arc, psf, host)
            row["reasons"] |= self._judgement(row, arc, host)
        row["stamp_npz"] = None if row["reasons"] else self._encoded(row, images)

    def _encoded(self, row: Row, images: Mapping[str, npt.NDArray[np.float32]]) -> bytes:
        """The pixels as the recipe keeps them; float32 where integers cannot: sky noise unknown, a pixel far too bright.

        Stamps of one host share their dithers, so that a pair differs where it differed before.
        """
        stamp = self.recipe.stamp
        sky = [row[column.name] for column in SKY_SIGMA]
        if stamp.encoding == "quantised" and all(sigma is not None and sigma > 0 for sigma in sky):
            steps = tuple(stamp.step_in_sky_sigma * sigma for sigma in sky)
            try:
                return encode_stamp(images, Quantisation(steps, text_key(row["host_id"])))
            except ValueError:
                return encode_stamp(images)
        return encode_stamp(images)

    def _added(
        self, row: Row, hosts: Mapping[str, npt.NDArray[np.float32]], arc: RenderedArc, gains: Mapping[str, float | None]
    ) -> dict[str, npt.NDArray[np.float32]]:
        """The host's images with the arc on them, and its photon noise where the recipe has it."""
        lights = np.stack([arc.images[band] for band in BANDS])
        if self.recipe.noise.law == "shot":
            per_band = np.array([gains[band] for band in BANDS], float)[:, None, None]
            lights += shot_noise(lights, per_band, generator(row["run_seed"], row["task_id"], "shot noise"))
            row |= {f"gain_{band}": gains[band] for band in BANDS}
        return {band: (hosts[band] + light).astype(np.float32) for band, light in zip(BANDS, lights, strict=True)}

    def _gains(self, host: Host) -> dict[str, float | None]:
        """Electrons per nMgy in each band: the recipe's, or the cutout's own."""
        noise = self.recipe.noise
        if noise.law != "shot" or noise.sky is None:
            return dict.fromkeys(BANDS, noise.gain)
        return {
            band: effective_gain(
                host.images[band], host.pixels[f"invvar_{band}"], getattr(noise.sky, band), PIXEL_SCALE_ARCSEC
            ).gain
            for band in BANDS
        }

    def _judgement(self, row: Row, arc: RenderedArc, host: Host) -> int:
        """Reason bits of rendered light that the recipe does not accept; the row keeps what was measured.

        A trail is judged in the one band that it is in, everything else in r.
        """
        if self.recipe.accept is None:
            return 0
        snr = row["arc_snr"]
        if row["injected_mag_r"] is None:
            snr = max(arc_visibility(arc.images[band], host.pixels[f"invvar_{band}"]).snr for band in BANDS)
        return Reason.ARC_TOO_FAINT.value if snr < self.recipe.accept.minimum_rendered_arc_snr else 0


def _observables(task: Row, arc: RenderedArc, psf: Mapping[str, Psf], host: Host) -> Row:
    """Every column of OBSERVABLES, and the PSF widths that were used."""
    visible = arc_visibility(arc.images["r"], host.pixels["invvar_r"])
    host_mag_r = host.raw_magnitudes["r"]
    flux = {band: float(arc.images[band].sum()) for band in BANDS}
    measured: Row = {
        "magnification": arc.magnification if task["label"] else None,
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
