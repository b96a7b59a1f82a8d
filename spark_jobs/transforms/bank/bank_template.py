"""One galaxy of a source bank, and the rule by which a candidate becomes one or is rejected with its reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from spark_jobs.transforms.bank.template_light import Rejection, RejectionError, half_light_radius

BANK_BAND = "F814W"
_MAGNITUDE_RANGE = (0.0, 40.0)  # catalogues write 99 or -99 for a magnitude that is not known
_PIXEL_RANGE_ARCSEC = (0.001, 1.0)
LARGEST_SIZE_RATIO = 1.5
"""A template whose half-light radius is off the catalogue's by more than this factor is not that galaxy's light."""
MEDIAN_TOLERANCE = 0.10
SCATTER_TOLERANCE = 0.20


@dataclass(frozen=True)
class Template:
    """A unit-flux galaxy; ``image`` of shape (size, size) is flux per pixel, NaN stands for what is not known.

    ``half_light_catalogue_arcsec`` is circularised and holds the blur that the template holds, so the two radii compare.
    """

    template_id: str
    image: npt.NDArray[np.float32]
    pixel_scale_arcsec: float
    mag_f814w: float
    redshift: float
    half_light_radius_arcsec: float
    half_light_catalogue_arcsec: float
    snr: float
    psf_fwhm_arcsec: float
    provenance: str
    colour_gr: float = math.nan
    colour_rz: float = math.nan


@dataclass
class Census:
    """How many candidates were seen, kept, and rejected for which reason."""

    seen: int = 0
    kept: int = 0
    rejected: Counter[Rejection] = field(default_factory=Counter)

    def text(self) -> str:
        """``n kept of m; rejected: 3 signal to noise too low, ...``."""
        reasons = ", ".join(f"{count} {reason.value}" for reason, count in sorted(self.rejected.items()))
        return f"{self.kept} templates of {self.seen} galaxies; rejected: {reasons or 'none'}"


@dataclass(frozen=True)
class SizeAgreement:
    """Measured over catalogue half-light radii of a bank: median and robust scatter (half of the 16 to 84 % range)."""

    compared: int
    median_ratio: float
    scatter: float

    @property
    def passes(self) -> bool:
        """Whether light carries the flux: the median within 10 % of one, the scatter below 20 %."""
        return abs(self.median_ratio - 1) <= MEDIAN_TOLERANCE and self.scatter <= SCATTER_TOLERANCE


def size_agreement(measured: npt.ArrayLike, catalogue: npt.ArrayLike) -> SizeAgreement | None:
    """Compare radii where the catalogue has one; None where it has none."""
    pairs = np.stack([np.asarray(measured, np.float64), np.asarray(catalogue, np.float64)])
    known = pairs[:, np.isfinite(pairs[1]) & (pairs[1] > 0)]
    if known.shape[1] == 0:
        return None
    low, median, high = np.percentile(known[0] / known[1], [16, 50, 84])
    return SizeAgreement(known.shape[1], float(median), float((high - low) / 2))


def keep_templates(
    makers: Iterable[Callable[[], Template]], census: Census, *, min_snr: float, max_templates: int | None
) -> Iterator[Template]:
    """Templates that pass, in order, every candidate counted; stops after ``max_templates`` kept."""
    for make in makers:
        if max_templates is not None and census.kept >= max_templates:
            return
        census.seen += 1
        try:
            template = make()
            _check(template, min_snr)
        except RejectionError as rejected:
            census.rejected[rejected.rejection] += 1
            continue
        census.kept += 1
        yield template


def measured_radius_arcsec(image: npt.NDArray[np.float32], pixel_scale_arcsec: float) -> float:
    """Half-light radius of a template: of the circle about its centroid that holds half of its flux."""
    return half_light_radius(image.astype(np.float64)) * pixel_scale_arcsec


def blurred_radius_arcsec(intrinsic_arcsec: float, psf_fwhm_arcsec: float) -> float:
    """A half-light radius behind a PSF, added in quadrature: exact for Gaussians, whose radius is half the FWHM."""
    return math.hypot(intrinsic_arcsec, psf_fwhm_arcsec / 2)


def _check(template: Template, min_snr: float) -> None:
    bright, faint = _MAGNITUDE_RANGE
    fine, coarse = _PIXEL_RANGE_ARCSEC
    if not (bright < template.mag_f814w < faint and fine < template.pixel_scale_arcsec < coarse):
        raise RejectionError(Rejection.ROW)
    if template.snr < min_snr:
        raise RejectionError(Rejection.FAINT)
    catalogue = template.half_light_catalogue_arcsec
    if math.isfinite(catalogue) and abs(math.log(template.half_light_radius_arcsec / catalogue)) > math.log(LARGEST_SIZE_RATIO):
        raise RejectionError(Rejection.SIZE)
