"""What is known of real lenses, to hold a drawn population against: medians and ranges by quantity, each with its source.

Legend: arcsec, AB mag, as in ``population``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownValue:
    """A median (``low`` equal to ``high``) or a range, and whose."""

    low: float
    high: float
    whose: str

    @property
    def is_range(self) -> bool:
        """Whether it is a range."""
        return self.high > self.low

    def __str__(self) -> str:
        return f"{self.whose} {self.low:g} to {self.high:g}" if self.is_range else f"{self.whose} {self.low:g}"


SLACS = "SLACS"
KNOWN: dict[str, tuple[KnownValue, ...]] = {
    "theta_e": (KnownValue(1.23, 1.23, SLACS), KnownValue(0.88, 0.88, "finders")),
    "z_lens": (KnownValue(0.191, 0.191, SLACS), KnownValue(0.2, 0.8, "DECaLS")),
    "z_source": (KnownValue(0.581, 0.581, SLACS),),
    "host_mag_r": (KnownValue(16.0, 20.0, "DECaLS"),),
    "source_mag_r": (KnownValue(23.0, 26.0, "real sources"),),
    "arc_mag_r": (KnownValue(20.0, 23.0, "real arcs"),),
    "arc_to_host": (KnownValue(0.9, 3.6, "failed experiment"),),
}
REFERENCES = (
    "SLACS: medians of the 59 lenses of Auger et al. 2009, ApJ 705, 1099 (bright hosts, spectroscopic selection). "
    "finders: half of the lenses that networks select lie above (Herle, O'Riordan & Vegetti 2024, MNRAS 534, 1093). "
    "DECaLS: known lenses of the Legacy Surveys. Real sources, arcs: unlensed r 23 to 26, lensed r 20 to 23. "
    "Failed experiment: where arcs outshone their hosts; no real lens is there."
)
