"""Which rows show one galaxy: positions within half an arcsec, whatever brick, task or split they stand in.

A name is the position itself to 1e-7 deg, so that equal positions need no table. Positions that differ and still lie within
0.5 arcsec, in chains too, take the name of the westernmost of them; only those are remembered. No grid is laid over the sky: a
galaxy cannot be split by the border of a cell of rounding.

Legend: right ascension and declination in degrees, arrays of shape (n,).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trainer.adopting.sky_cells import Floats, is_position

SAME_HOST_ARCSEC = 0.5
RULE = (
    f"positions within {SAME_HOST_ARCSEC} arcsec of each other, in chains, are one host, in whatever brick; it is named by the "
    "position to 1e-7 deg, where several differ by that of smallest right ascension"
)
NOWHERE = "nowhere"
"""The host of a row without a position."""


@dataclass(frozen=True)
class HostNames:
    """Names by position; ``linked`` holds the positions that do not name themselves."""

    linked: Mapping[tuple[float, float], str]

    def of(self, ra_deg: Floats, dec_deg: Floats) -> list[str]:
        """The host of each position."""
        good = is_position(ra_deg, dec_deg)
        places = zip(ra_deg.tolist(), dec_deg.tolist(), good.tolist(), strict=True)
        return [self.linked.get((ra, dec)) or position_name(ra, dec) if sound else NOWHERE for ra, dec, sound in places]

    def to_text(self) -> str:
        """JSON that ``from_text`` reads to the last bit."""
        return json.dumps([[ra, dec, name] for (ra, dec), name in self.linked.items()]) + "\n"

    @staticmethod
    def from_text(text: str) -> HostNames:
        """What ``to_text`` wrote."""
        return HostNames({(ra, dec): name for ra, dec, name in json.loads(text)})


def position_name(ra_deg: float, dec_deg: float) -> str:
    """The name of a host that stands at one position only."""
    return f"J{ra_deg:.7f}{dec_deg + 0.0:+.7f}"


def link_hosts(ra_deg: Floats, dec_deg: Floats) -> HostNames:
    """The names of all hosts of a set of rows; those without a position are left out."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    good = is_position(ra_deg, dec_deg)
    places = np.unique(ra_deg[good] + 1j * dec_deg[good])  # sorted by right ascension, then declination
    if not len(places):
        return HostNames({})
    reach = 2 * np.sin(np.radians(SAME_HOST_ARCSEC / 3600) / 2)
    pairs = cKDTree(_directions(places.real, places.imag)).query_pairs(reach, output_type="ndarray")
    if not len(pairs):
        return HostNames({})
    touched, numbered = np.unique(pairs, return_inverse=True)
    edges = numbered.reshape(pairs.shape)
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(len(touched), len(touched)))
    group = connected_components(graph, directed=False)[1]
    first = np.unique(group, return_index=True)[1]
    chosen = places[touched[first[group]]]
    names = [position_name(place.real, place.imag) for place in chosen.tolist()]
    return HostNames({(p.real, p.imag): name for p, name in zip(places[touched].tolist(), names, strict=True)})


def _directions(ra_deg: Floats, dec_deg: Floats) -> Floats:
    """Unit vectors (n, 3)."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
