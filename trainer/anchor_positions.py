"""Positions on the sky as lists write them: sexagesimal or degrees, and what an object's own name says of its position.

Legend: right ascension and declination in degrees, ICRS; distances on the sky in arcsec unless named otherwise.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_SEXAGESIMAL = re.compile(r"([+-]?)(\d{1,3})(?::|h|d|°|\s)\s*(\d{1,2})(?::|m|'|\s)\s*(\d{1,2}(?:\.\d*)?)(?:s|\"|'')?")
_CLOCK_NAME = re.compile(
    r"(?:J(?P<ra>\d{4}|\d{6}(?:\.\d+)?)|(?<![\d.])(?P<bare>\d{6}(?:\.\d+)?))(?P<sign>[+-])(?P<dec>\d{6}(?:\.\d+)?|\d{4})(?![\d.])"
)
_DEGREE_NAME = re.compile(r"(?<![\d.])(\d{1,3}\.\d{3,})([+-]\d{1,2}\.\d{3,})(?!\d)")
_SLACK_OF_MINUTES, _SLACK_OF_SECONDS = 120.0, 30.0
"""How far beyond its truncation a name may be off: some names are rounded, some are of an image and not of the galaxy. Of
lenscat's 1067 confident lenses with such a name all agree within 14 arcsec but 62, which are 12 arcmin to degrees away."""
_NEAREST_MOVE, _FARTHEST_MOVE, _CLEARANCE = 120.0, 360.0, 60.0
_MOVES = 100


class PositionError(ValueError):
    """A position cannot be read; the text says what was seen and what would be right."""


@dataclass(frozen=True)
class NamedPosition:
    """The box that a name says its object lies in: from (ra, dec), widths and slack in arcsec; ``sign`` is that of dec."""

    ra_deg: float
    dec_deg: float
    ra_width_deg: float
    dec_width_deg: float
    sign: int
    slack_arcsec: float

    def distance_beyond(self, ra_deg: float, dec_deg: float) -> float:
        """Arcsec between the position and the box; 0 inside it."""
        east = (ra_deg - self.ra_deg + 180) % 360 - 180
        north = self.sign * dec_deg - self.dec_deg
        beyond_ra = max(-east, east - self.ra_width_deg, 0.0) * math.cos(math.radians(dec_deg))
        return 3600 * math.hypot(beyond_ra, max(-north, north - self.dec_width_deg, 0.0))


def angle_of(text: str, unit: str, what: str) -> float:
    """Degrees of an angle written in ``unit``: deg, hour, or sexagesimal (hours for ``what`` = "ra", degrees for "dec").

    A text with two separators (10:42:30.1, 10h42m30.1s, 10 42 30.1) is sexagesimal whatever the unit says; with one
    (10:42) it is ambiguous. Raises PositionError for what cannot be read.
    """
    text = text.strip().replace("\N{MINUS SIGN}", "-")
    match = _SEXAGESIMAL.fullmatch(text)
    if match:
        return _sexagesimal(text, match, what)
    try:
        value = float(text)
    except ValueError:
        wanted = "10:42:30.1 (hours)" if what == "ra" else "+12:03:04 (degrees)"
        raise PositionError(f"{what} {text!r}; wanted a number in {unit} or sexagesimal like {wanted}") from None
    if unit == "sexagesimal":
        raise PositionError(f"{what} {text!r} is a plain number; the columns say sexagesimal")
    return value * 15 if unit == "hour" else value


def check_position(ra_deg: float, dec_deg: float) -> None:
    """Raise PositionError unless the position is on the sphere."""
    if not (math.isfinite(ra_deg) and math.isfinite(dec_deg)):
        raise PositionError(f"position ({ra_deg}, {dec_deg}) deg; wanted finite numbers")
    if not (0 <= ra_deg <= 360 and -90 <= dec_deg <= 90):
        raise PositionError(f"position ({ra_deg:g}, {dec_deg:g}) deg; wanted ra 0 to 360 and dec -90 to 90")


def position_in_name(name: str) -> NamedPosition | None:
    """What a name like SDSSJ0737+3216, J104230.1+120304, 115252+004733 or DESI-073.2924-24.8422 says of the position.

    None where it says nothing. Names of four and four digits without a J are of the equinox 1950 and say nothing here.
    """
    degrees = _DEGREE_NAME.search(name)
    if degrees:
        last = 10.0 ** -len(degrees[1].partition(".")[2])
        sign = -1 if degrees[2].startswith("-") else 1
        return NamedPosition(float(degrees[1]), abs(float(degrees[2])), last, last, sign, _SLACK_OF_SECONDS)
    clock = _CLOCK_NAME.search(name)
    if clock is None:
        return None
    ra, dec, sign = clock["ra"] or clock["bare"], clock["dec"], -1 if clock["sign"] == "-" else 1
    (ra_value, ra_width), (dec_value, dec_width) = _clock(ra), _clock(dec)
    if ra_value is None or dec_value is None or ra_value >= 24 or dec_value > 90:
        return None
    to_minutes = len(ra) == 4 or len(dec) == 4
    slack = _SLACK_OF_MINUTES if to_minutes else _SLACK_OF_SECONDS
    return NamedPosition(15 * ra_value, dec_value, 15 * ra_width, dec_width, sign, slack)


def name_from_position(ra_deg: float, dec_deg: float) -> str:
    """A name of the IAU's form, truncated: J104230.1+120304."""
    tenths = int(ra_deg % 360 / 15 * 36000 + 1e-6)
    seconds = int(abs(dec_deg) * 3600 + 1e-6)
    ra = f"{tenths // 36000:02d}{tenths // 600 % 60:02d}{tenths // 10 % 60:02d}.{tenths % 10}"
    return f"J{ra}{'-' if dec_deg < 0 else '+'}{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"


def separations(ra_deg: float, dec_deg: float, others: Floats) -> Floats:
    """Arcsec between one position and others (n, 2), by the haversine."""
    ra, dec = np.radians(others[:, 0]), np.radians(others[:, 1])
    half = np.sin((dec - math.radians(dec_deg)) / 2) ** 2
    half += np.cos(dec) * math.cos(math.radians(dec_deg)) * np.sin((ra - math.radians(ra_deg)) / 2) ** 2
    return np.asarray(np.degrees(2 * np.arcsin(np.sqrt(np.clip(half, 0, 1)))) * 3600, dtype=np.float64)


def random_sky_near(name: str, ra_deg: float, dec_deg: float, avoid: Floats) -> tuple[float, float]:
    """A position 2 to 6 arcmin away, drawn from the name, a minute clear of all in ``avoid`` (n, 2) and of the anchor."""
    for move in range(_MOVES):
        digest = hashlib.blake2b(f"random sky:{name}:{move}".encode(), digest_size=16).digest()
        first, second = (int.from_bytes(part, "little") / 2**64 for part in (digest[:8], digest[8:]))
        distance = math.sqrt(_NEAREST_MOVE**2 + first * (_FARTHEST_MOVE**2 - _NEAREST_MOVE**2))  # even over the area
        ra, dec = _moved(ra_deg, dec_deg, distance, 2 * math.pi * second)
        if separations(ra, dec, avoid).min(initial=np.inf) > _CLEARANCE:
            return ra, dec
    raise PositionError(f"no position 2 to 6 arcmin from {name} is clear of the other anchors in {_MOVES} draws")


def _sexagesimal(text: str, match: re.Match[str], what: str) -> float:
    sign, whole, minutes, seconds = match[1], int(match[2]), int(match[3]), float(match[4])
    if minutes >= 60 or seconds >= 60:
        raise PositionError(f"{what} {text!r}; wanted minutes and seconds below 60")
    if what == "ra" and (sign == "-" or whole >= 24 or "d" in text or "°" in text):
        raise PositionError(f"{what} {text!r}; wanted sexagesimal hours from 0 to 24, or degrees as one number")
    if what == "dec" and "h" in text:
        raise PositionError(f"{what} {text!r} is in hours; wanted degrees")
    value = whole + minutes / 60 + seconds / 3600
    return value * 15 if what == "ra" else math.copysign(value, -1 if sign == "-" else 1)


def _clock(digits: str) -> tuple[float | None, float]:
    """Value and width of the last place of HHMM, HHMMSS or HHMMSS.s; None where minutes or seconds are not below 60."""
    whole, _, fraction = digits.partition(".")
    hours, minutes, seconds = int(whole[:2]), int(whole[2:4]), float(f"{whole[4:] or 0}.{fraction or 0}")
    width = 1 / 60 if len(whole) == 4 else 10.0 ** -len(fraction) / 3600
    return (None if minutes >= 60 or seconds >= 60 else hours + minutes / 60 + seconds / 3600), width


def _moved(ra_deg: float, dec_deg: float, distance_arcsec: float, bearing: float) -> tuple[float, float]:
    """The position a distance away along the great circle of a bearing (rad, east of north)."""
    ra, dec, distance = math.radians(ra_deg), math.radians(dec_deg), math.radians(distance_arcsec / 3600)
    sine = math.sin(dec) * math.cos(distance) + math.cos(dec) * math.sin(distance) * math.cos(bearing)
    east = math.sin(bearing) * math.sin(distance) * math.cos(dec)
    ra += math.atan2(east, math.cos(distance) - math.sin(dec) * sine)
    return math.degrees(ra) % 360, math.degrees(math.asin(max(-1.0, min(1.0, sine))))
