"""One object becomes one row of the stamps table: drawn, rendered, noise added. It depends on its name and the settings alone.

Legend: images (3, size, size) nMgy per pixel in g, r, z; x west, y north; magnitudes AB.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d
from standin_conditions import BandConditions, conditions_of
from standin_contaminants import Scene, kind_of, scene_of
from standin_draw_lens import DrawnLens, draw_lens
from standin_galaxies import Host, draw_host, draw_neighbours
from standin_identity import Identity, generator, task_id
from standin_lens import lensed_cells
from standin_light import Frame, Light, Star
from standin_settings import Settings

from schemas.array_codec import encode_stamp
from schemas.job_entry import InputError
from schemas.stamps import STAMPS
from schemas.survey import BANDS, CELL_NSIDE, PIXEL_SCALE_ARCSEC, ZEROPOINT_MAG

Array = npt.NDArray[np.float64]
Row = dict[str, Any]
_REASONS = ("weight", "redshift", "theta_e", "images", "magnification", "snr")


@dataclass(frozen=True)
class Field:
    """Where and under what an object is seen."""

    name: str
    cell: int
    frame: Frame
    conditions: Mapping[str, BandConditions]


@dataclass(frozen=True)
class Arc:
    """An accepted lens: what was drawn, its noiseless images and their light before the PSF, draws refused by reason."""

    drawn: DrawnLens
    images: Array
    fluxes: Array
    refused: Counter[str]


@dataclass(frozen=True)
class Picture:
    """An object without noise: what kind it is, its galaxy, all light, and its arc where it is a lens."""

    kind: str
    galaxy_fluxes: Array
    light: Array
    arc: Arc | None


def make_row(settings: Settings, identity: Identity) -> Row:
    """The row of one object, pixels included."""
    place = field_of(settings, identity)
    picture = picture_of(settings, place, identity)
    images = noisy(settings, place, picture.light)
    row: Row = dict.fromkeys(STAMPS.names)
    row |= _identity_columns(settings, identity, place, picture.kind)
    row |= {f"mag_raw_{band}": magnitude(flux) for band, flux in zip(BANDS, picture.galaxy_fluxes, strict=True)}
    if picture.arc is not None:
        row |= _lens_columns(place, picture, picture.arc)
    arrays = {band: image.astype(np.float32) for band, image in zip(BANDS, images, strict=True)}
    return row | {"reasons": 0, "stamp_npz": encode_stamp(arrays)}


def field_of(settings: Settings, identity: Identity) -> Field:
    """The object's cell, sub-pixel centre and conditions."""
    rng = generator(settings.seed, identity.name, "place")
    cell = int(rng.integers(settings.cells))
    x, y = (settings.size_pix // 2 + offset for offset in rng.uniform(-0.5, 0.5, 2))
    return Field(identity.name, cell, Frame(settings, float(x), float(y)), conditions_of(settings, cell, identity.name))


def picture_of(settings: Settings, place: Field, identity: Identity) -> Picture:
    """The noiseless object; a lens is drawn until one passes every cut."""
    if identity.sample == "lens":
        return _lens_picture(settings, place)
    kind = kind_of(generator(settings.seed, place.name, "kind").uniform(), settings.prevalence)
    host = draw_host(generator(settings.seed, place.name, "host"), settings.parent)
    scene = scene_of(kind, generator(settings.seed, place.name, "scene"), host)
    return Picture(kind, _fluxes(scene.galaxy), scene_light(settings, place, scene, host), None)


def scene_light(settings: Settings, place: Field, scene: Scene, host: Host) -> Array:
    """The noiseless images of a galaxy, of what is beside it and of its neighbours, which follow from the object's name."""
    half_side = place.frame.pixels / 2 * PIXEL_SCALE_ARCSEC
    neighbours = draw_neighbours(generator(settings.seed, place.name, "neighbours"), settings.neighbours, host, half_side)
    canvas, stars = place.frame.empty(), []
    for light in (*scene.galaxy, *scene.beside, *neighbours):
        if isinstance(light, Star):
            stars.append(place.frame.star(light, place.conditions))
        else:
            place.frame.add(canvas, light)
    return np.asarray(np.sum([place.frame.seen(canvas, place.conditions), *stars], axis=0))


def noisy(settings: Settings, place: Field, light: Array) -> Array:
    """Sky and photon noise added: Gaussian of variance sigma^2 + light / gain, neighbours correlated, the same law for all."""
    images = []
    for image, band in zip(light, BANDS, strict=True):
        seen = place.conditions[band]
        white = generator(settings.seed, place.name, "noise", band).standard_normal(image.shape)
        unit = correlated(white, settings.conditions.noise_correlation)
        images.append(image + unit * np.sqrt(seen.sky_sigma_nmgy**2 + np.maximum(image, 0) / seen.electrons_per_nmgy))
    return np.array(images)


def correlated(white: Array, correlation: float) -> Array:
    """Unit noise whose neighbours along an axis correlate so much: kernel (a, 1, a), correlation 2a / (1 + 2a^2)."""
    if correlation == 0:
        return white
    a = (1 - math.sqrt(1 - 2 * correlation**2)) / (2 * correlation)
    kernel = np.array([a, 1.0, a]) / math.sqrt(1 + 2 * a * a)
    return np.asarray(correlate1d(correlate1d(white, kernel, 0, mode="wrap"), kernel, 1, mode="wrap"))


def arc_snr(arc_r: Array, light_r: Array, seen: BandConditions) -> float:
    """White matched signal to noise of an arc: sqrt(sum(a^2 / variance)), the variance that of sky and all other light."""
    return float(np.sqrt(np.sum(arc_r**2 / _variance(light_r, seen))))


def magnitude(flux_nmgy: float) -> float | None:
    """AB magnitude; None where the flux is not positive."""
    return ZEROPOINT_MAG - 2.5 * math.log10(flux_nmgy) if flux_nmgy > 0 else None


def _variance(light: Array, seen: BandConditions) -> Array:
    return np.asarray(seen.sky_sigma_nmgy**2 + np.maximum(light, 0) / seen.electrons_per_nmgy)


def _lens_picture(settings: Settings, place: Field) -> Picture:
    law, refused, seen = settings.lenses, Counter[str](), place.conditions["r"]
    for attempt in range(law.most_draws):
        drawn = draw_lens(generator(settings.seed, place.name, "lens", attempt), settings, seen)
        if isinstance(drawn, str):
            refused[drawn] += 1
            continue
        canvas = lensed_cells(place.frame, drawn.lens, drawn.source, settings.rays_per_cell)
        images = place.frame.seen(canvas, place.conditions)
        if arc_snr(images[1], np.zeros(images[1].shape), seen) >= law.least_arc_snr:  # else no host need be drawn
            scene = Scene((drawn.host.bulge, drawn.host.halo))
            light = scene_light(settings, place, scene, drawn.host)
            if arc_snr(images[1], light[1], seen) >= law.least_arc_snr:
                return Picture("lens", _fluxes(scene.galaxy), light + images, Arc(drawn, images, canvas.sum((1, 2)), refused))
        refused["snr"] += 1
    raise InputError(f"{place.name}: no lens passed the cuts in {law.most_draws} draws ({dict(refused)}); wanted wider cuts")


def _fluxes(lights: tuple[Light, ...]) -> Array:
    return np.asarray(np.sum([light.flux for light in lights], axis=0))


def _identity_columns(settings: Settings, identity: Identity, place: Field, kind: str) -> Row:
    cell = pretend_cell(place.cell)
    ra, dec = _position(settings, identity, cell)
    columns: Row = {
        "task_id": task_id(settings.seed, settings.recipe_hash, identity),
        "host_id": f"standin-{identity.name}",
        "cell": cell,
        "shard": 0,
        "split": "test",
        "kind": kind,
        "label": int(kind == "lens"),
        "configuration": 0,
        "replicate": 0,
        "recipe_hash": settings.recipe_hash,
        "run_seed": settings.seed,
        "ra_deg": ra,
        "dec_deg": dec,
        "brickname": "standin",
        "size_pix": settings.size_pix,
        "x_centre_pix": place.frame.x_centre,
        "y_centre_pix": place.frame.y_centre,
        "masked_fraction": 0.0,
        "uncovered_fraction": 0.0,
    }
    for band, seen in place.conditions.items():
        columns[f"psf_fwhm_{band}_arcsec"] = seen.fwhm_arcsec
        columns[f"psf_depth_{band}_mag"] = seen.depth_mag
        columns[f"sky_sigma_{band}_nmgy"] = seen.sky_sigma_nmgy
    return columns


def pretend_cell(number: int) -> int:
    """The HEALPix cell (nside 128, nested) that stands for a pretend cell: far apart, all over the sky."""
    return 1500 + 3001 * number


def _position(settings: Settings, identity: Identity, cell: int) -> tuple[float, float]:
    """A place inside the cell, degrees."""
    from astropy_healpix import HEALPix

    dx, dy = generator(settings.seed, identity.name, "position").uniform(0.05, 0.95, 2)
    longitude, latitude = HEALPix(CELL_NSIDE, order="nested").healpix_to_lonlat([cell], [dx], [dy])
    return float(longitude.deg[0]), float(latitude.deg[0])


def _lens_columns(place: Field, picture: Picture, arc: Arc) -> Row:
    drawn, lens, source, seen = arc.drawn, arc.drawn.lens, arc.drawn.source, place.conditions["r"]
    pixel_snr = arc.images[1] / np.sqrt(_variance(picture.light[1] - arc.images[1], seen))
    columns: Row = {
        "z_lens": drawn.host.redshift,
        "z_lens_origin": "catalogue",
        "z_source": drawn.z_source,
        "sigma_v_kms": drawn.host.sigma_v_kms,
        "theta_e_arcsec": lens.theta_e,
        "lens_axis_ratio": lens.axis_ratio,
        "lens_angle_rad": lens.angle_rad,
        "mass_slope": lens.slope,
        "shear_1": lens.shear_1,
        "shear_2": lens.shear_2,
        "lens_dx_arcsec": lens.x,
        "lens_dy_arcsec": lens.y,
        "source_kind": "sersic_knots",
        "z_source_origin": "drawn",
        "source_colour_origin": "normal",
        "source_x_arcsec": source.x,
        "source_y_arcsec": source.y,
        "source_half_light_arcsec": source.half_light_arcsec,
        "source_knots": drawn.clumps,
        "source_knot_share": drawn.clump_share,
        "predicted_magnification": drawn.images.magnification,
        "predicted_arc_snr": drawn.predicted_snr,
        "n_drawn": 1 + arc.refused.total(),
        "magnification": float(arc.fluxes[1] / source.fluxes[1]),
        "arc_snr": float(np.sqrt(np.sum(pixel_snr**2))),
        "arc_peak_snr": float(pixel_snr.max()),
        "arc_pixels_1sigma": int((pixel_snr > 1).sum()),
        "arc_pixels_5sigma": int((pixel_snr > 5).sum()),
        "arc_to_host_flux": float(arc.images[1].sum() / picture.galaxy_fluxes[1]),
        "theta_e_over_fwhm": lens.theta_e / seen.fwhm_arcsec,
    }
    columns |= {f"n_refused_{reason}": arc.refused[reason] for reason in _REASONS}
    for number, band in enumerate(BANDS):
        columns[f"source_mag_{band}"] = magnitude(float(source.fluxes[number]))
        columns[f"injected_mag_{band}"] = magnitude(float(arc.images[number].sum()))
        columns[f"psf_fwhm_used_{band}_arcsec"] = place.conditions[band].fwhm_arcsec
        columns[f"gain_{band}"] = place.conditions[band].electrons_per_nmgy
    return columns
