"""What the stand-in for the sky is like: every figure that it is drawn from, with its source, its seed and its hash.

Legend: magnitudes AB, angles in arcsec, pairs are (least, most) or (mean, scatter) as their comment says.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property

SEED = 60611
"""Fixed before any network was judged on this sky. Nothing is tuned on it: not a network, a recipe, nor a figure below."""

CELLS = 64
"""Pretend sky cells: each has its own seeing and depth, and intervals are drawn over them."""

Pair = tuple[float, float]
PerBand = tuple[float, float, float]


@dataclass(frozen=True)
class SkyConditions:
    """Seeing, depth, noise (bands g, r, z): DR10, south (Dey et al. 2019, AJ 157, 168), as the training skies have them."""

    fwhm_arcsec: PerBand = (1.35, 1.25, 1.20)  # medians, pixel included
    fwhm_scatter: Pair = (0.10, 0.015)  # natural log: cell to cell, object to object
    fwhm_range_arcsec: Pair = (0.75, 2.2)
    depth_mag: PerBand = (24.7, 23.9, 23.0)  # 5 sigma, point source
    depth_scatter_mag: Pair = (0.15, 0.03)
    sky_mag_per_arcsec2: PerBand = (22.0, 21.0, 18.7)  # with the noise it fixes the gain
    noise_correlation: float = 0.1  # of neighbouring pixels: resampled coadds have some (assumed; the pixel's sigma is kept)
    # PSF: three Gaussians. Sigmas relative to the first; shares of the second and third with their scatter in natural log.
    psf_sigma_ratios: PerBand = (1.0, 1.8, 4.0)
    psf_shares: Pair = (0.22, 0.05)
    psf_share_scatter: float = 0.25
    psf_ellipticity_mode: float = 0.02  # Rayleigh law of (1-q)/(1+q)


@dataclass(frozen=True)
class ParentSample:
    """Massive early-type galaxies, the hosts of lenses and of everything else."""

    redshift: PerBand = (0.12, 0.42, 0.75)  # triangular law: least, mode, most
    # redshift, r of an L* galaxy, g-r, r-z: the red sequence of the survey (Zhou et al. 2023, AJ 165, 58).
    passive: tuple[tuple[float, float, float, float], ...] = (
        (0.10, 16.6, 0.88, 0.58),
        (0.20, 18.2, 1.15, 0.68),
        (0.30, 19.3, 1.42, 0.77),
        (0.40, 20.2, 1.65, 0.90),
        (0.50, 20.9, 1.72, 1.12),
        (0.60, 21.5, 1.75, 1.42),
        (0.70, 22.1, 1.76, 1.70),
        (0.80, 22.6, 1.76, 1.90),
    )
    colour_scatter_mag: float = 0.05
    brighter_than_lstar_mag: Pair = (0.8, 0.6)  # least, and scale of the exponential beyond
    mag_r: Pair = (17.0, 20.0)
    # Velocity dispersion of an L* galaxy, dex per magnitude, scatter in dex (Bernardi et al. 2003, AJ 125, 1849).
    sigma_lstar_kms: float = 185.0
    sigma_dex_per_mag: float = 0.102
    sigma_scatter_dex: float = 0.07
    half_light_kpc: float = 8.0  # 1.5 mag above L*; R ~ L^0.7 (Shen et al. 2003, MNRAS 343, 978: R ~ M^0.56)
    half_light_dex_per_mag: float = 0.28
    half_light_scatter: float = 0.30  # natural log
    # Two components (Oh, Greene & Lackner 2017, ApJ 836, 115: massive early types as inner body and outer halo).
    bulge_index: Pair = (3.9, 0.6)
    bulge_size: Pair = (0.55, 0.85)
    halo_index: Pair = (0.9, 1.8)
    halo_size: Pair = (1.5, 2.3)
    halo_share: Pair = (0.25, 0.55)
    halo_bluer_gr: Pair = (0.08, 0.04)  # mean, scatter (colour gradients: La Barbera et al. 2010, MNRAS 408, 1313)
    halo_bluer_rz: Pair = (0.04, 0.03)
    bulge_axis_ratio: Pair = (0.55, 0.98)
    halo_axis_ratio: Pair = (0.45, 0.95)
    twist_rad: float = 0.35  # scatter of the angle between the two


@dataclass(frozen=True)
class Neighbours:
    """What lies about any object by chance, and the satellites of a massive galaxy."""

    field_per_arcmin2: float = 16.7  # 60 000 a square degree to r = 24.4
    field_mag_r: Pair = (18.5, 24.4)
    field_slope: float = 0.36  # log10 of the counts per magnitude (Yasuda et al. 2001, AJ 122, 1104, and deeper counts)
    half_light_at_20_arcsec: float = 0.9
    half_light_dex_per_mag: float = -0.10
    half_light_scatter: float = 0.35
    colour_gr: Pair = (0.65, 0.30)  # at r = 20, mean and scatter
    colour_rz: Pair = (0.55, 0.25)
    bluer_per_mag: float = 0.06
    stars_per_arcmin2: float = 1.4
    stars_mag_r: Pair = (17.5, 23.0)
    satellites: float = 0.5  # mean number on the frame (assumed: groups of LRGs)
    satellite_fainter_mag: Pair = (1.5, 4.5)
    satellite_reach_arcsec: float = 12.0


@dataclass(frozen=True)
class LensPopulation:
    """Power-law lenses and the galaxies behind them; a lens is what passes all cuts."""

    slope: Pair = (2.08, 0.16)  # Auger et al. 2010, ApJ 724, 511
    slope_range: Pair = (1.6, 2.5)
    mass_axis_ratio_scatter: float = 0.1  # about that of the bulge's light
    mass_angle_scatter_rad: float = 0.17
    mass_axis_ratio_range: Pair = (0.45, 0.98)
    shear_mode: float = 0.04  # Rayleigh (Keeton, Kochanek & Seljak 1997, ApJ 482, 604)
    centre_scatter_arcsec: float = 0.02
    z_source: Pair = (0.8, 3.0)
    z_source_law: Pair = (1.1, 1.5)  # n(z) ~ z^2 exp(-(z / first)^second)
    z_gap: float = 0.2
    mag_r: Pair = (23.0, 25.5)
    counts_slope: float = 0.30  # of galaxies at r 23 to 25.5 (Capak et al. 2007, ApJS 172, 99)
    colour_gr: Pair = (0.30, 0.20)
    colour_rz: Pair = (0.25, 0.30)
    # Half-light radius at r = 24.25 and its slope and scatter in dex (Leauthaud et al. 2007, ApJS 172, 219; van der Wel 2014).
    half_light_arcsec: float = 0.32
    half_light_dex_per_mag: float = -0.06
    half_light_scatter_dex: float = 0.16
    half_light_range_arcsec: Pair = (0.10, 0.90)
    bulge_share: Pair = (0.0, 0.35)
    clump_share: Pair = (0.05, 0.35)  # Guo et al. 2015, ApJ 800, 39
    clumps: tuple[int, int] = (2, 8)
    theta_e_arcsec: Pair = (0.6, 2.5)
    least_images: int = 2
    least_magnification: float = 3.0
    least_arc_snr: float = 20.0  # white matched SNR in r, noise of sky and host: an arc that a person would see
    most_draws: int = 20000


@dataclass(frozen=True)
class Prevalence:
    """Share of each contaminant in a parent sample; the rest is plain. Assumed, 4.5 % together, since no LRG sample tells all:

    most LRGs are early types (Masters et al. 2011, MNRAS 418, 1055: a quarter of BOSS targets has other morphology, few of
    them look like lenses); spirals and discs pass r-z > 0.4 at low redshift; rings are rare (Timmis & Shamir 2017,
    ApJS 231, 2).
    """

    companion: float = 0.018
    spiral: float = 0.012
    edge_on: float = 0.006
    merger: float = 0.006
    ring: float = 0.003


@dataclass(frozen=True)
class Settings:
    """Everything that decides what the sky looks like, with the seed of its draws."""

    seed: int = SEED
    cells: int = CELLS
    size_pix: int = 64
    border_pix: int = 10  # light is drawn on a frame this much larger on each side
    cells_per_pix: int = 3  # of the frame on which light is convolved; odd, so that a cell's centre is the pixel's
    rays_per_cell: int = 6  # along each axis, of a lensed image
    conditions: SkyConditions = field(default_factory=SkyConditions)
    parent: ParentSample = field(default_factory=ParentSample)
    neighbours: Neighbours = field(default_factory=Neighbours)
    lenses: LensPopulation = field(default_factory=LensPopulation)
    prevalence: Prevalence = field(default_factory=Prevalence)

    @cached_property
    def recipe_hash(self) -> str:
        """First 16 hex digits of the SHA-256 of everything but the seed."""
        content = {name: value for name, value in asdict(self).items() if name != "seed"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
