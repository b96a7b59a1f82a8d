"""Why a row was refused: one registry of bits for every table, so that a reason survives from catalogue to stamp."""

from __future__ import annotations

from enum import IntFlag


class Reason(IntFlag):
    """Bits of the ``reasons`` columns; 0 means made, anything else means refused."""

    NEAR_KNOWN_LENS = 1 << 0
    DUPLICATE_HOST = 1 << 1
    CATALOGUE_MASKED = 1 << 2
    CATALOGUE_UNCOVERED = 1 << 3
    NEAR_CELL_BORDER = 1 << 4
    BAD_PHOTOMETRY = 1 << 5

    BRICK_MISSING = 1 << 8
    BRICK_UNREADABLE = 1 << 9
    BAND_MISSING = 1 << 10
    OVER_BRICK_EDGE = 1 << 11
    MASKED_PIXELS = 1 << 12
    UNCOVERED_PIXELS = 1 << 13
    NONFINITE_PIXELS = 1 << 14
    PSF_UNKNOWN = 1 << 15
    WCS_UNEXPECTED = 1 << 16
    CUTOUT_MISSING = 1 << 17

    NO_ACCEPTED_DRAW = 1 << 20
    BAD_PARAMETERS = 1 << 21
    SOURCE_OFF_STAMP = 1 << 22
    TEMPLATE_UNUSABLE = 1 << 23
    ARC_TOO_FAINT = 1 << 24
    PARTNER_REFUSED = 1 << 25
    STILL_AN_ARC = 1 << 26
    WEIGHTED_OUT = 1 << 27

    POSITION_UNREADABLE = 1 << 32
    NAMED_TWICE = 1 << 33
    TWICE_ON_SKY = 1 << 34
    AWAY_FROM_ITS_NAME = 1 << 35

    PIXELS_UNREADABLE = 1 << 48
    SAID_UNUSABLE = 1 << 49
    IDENTITY_UNKNOWN = 1 << 50
    OTHER_SIZE = 1 << 51
    OFF_ITS_IMAGE = 1 << 52
    UNIT_UNEXPECTED = 1 << 53


MEANINGS: dict[Reason, str] = {
    Reason.NEAR_KNOWN_LENS: "within 10 arcsec of a catalogued lens or candidate of any grade",
    Reason.DUPLICATE_HOST: "the same object, within 0.5 arcsec, is a host already",
    Reason.CATALOGUE_MASKED: "the catalogue's MASKBITS has a bit that the selection excludes",
    Reason.CATALOGUE_UNCOVERED: "the catalogue counts no exposure in a wanted band",
    Reason.NEAR_CELL_BORDER: "closer than a stamp to the border of its sky cell",
    Reason.BAD_PHOTOMETRY: "a flux, shape or transmission that is needed is not finite or not positive",
    Reason.BRICK_MISSING: "the brick's file is not there",
    Reason.BRICK_UNREADABLE: "the brick's file is truncated or not the FITS file that its name says",
    Reason.BAND_MISSING: "a wanted band has no image of this brick",
    Reason.OVER_BRICK_EDGE: "the stamp reaches over the brick's edge, or the host is not on the brick",
    Reason.MASKED_PIXELS: "more masked pixels in the stamp than allowed, or one at its centre",
    Reason.UNCOVERED_PIXELS: "more pixels without inverse variance in the stamp than allowed",
    Reason.NONFINITE_PIXELS: "the stamp holds NaN or infinite pixels",
    Reason.PSF_UNKNOWN: "neither the psfsize plane nor the catalogue gives a usable PSF width",
    Reason.WCS_UNEXPECTED: "the brick's WCS is not a TAN projection with north up at the survey's pixel scale",
    Reason.CUTOUT_MISSING: "the plan names a host that the cutouts do not hold",
    Reason.NO_ACCEPTED_DRAW: "no draw was accepted within the recipe's number of draws",
    Reason.BAD_PARAMETERS: "a parameter of lens or source is not finite or not physical",
    Reason.SOURCE_OFF_STAMP: "the lensed light falls off the stamp",
    Reason.TEMPLATE_UNUSABLE: "the source template has no flux or is not in the bank",
    Reason.ARC_TOO_FAINT: "the rendered arc is below the recipe's signal to noise or magnification",
    Reason.PARTNER_REFUSED: "the other half of the pair was refused",
    Reason.STILL_AN_ARC: "a shuffled arc is too like the whole one behind the PSF to be labelled a negative",
    Reason.WEIGHTED_OUT: "an accepted draw that the recipe's weighting did not keep",
    Reason.POSITION_UNREADABLE: "the list gives no right ascension and declination on the sphere",
    Reason.NAMED_TWICE: "an earlier row of the list has the same name",
    Reason.TWICE_ON_SKY: "an earlier row of the list lies within 2 arcsec",
    Reason.AWAY_FROM_ITS_NAME: "the name carries a position, and it is not this one",
    Reason.PIXELS_UNREADABLE: "what was adopted has no pixels, or they cannot be read",
    Reason.SAID_UNUSABLE: "the file that the row was adopted from says that its cutout is not usable",
    Reason.IDENTITY_UNKNOWN: "the file that the row was adopted from does not say which task it is, or whether it is a lens",
    Reason.OTHER_SIZE: "what was adopted has another shape or number of pixels than asked",
    Reason.OFF_ITS_IMAGE: "the image's own WCS puts the position off the image",
    Reason.UNIT_UNEXPECTED: "the image says that it is in another unit than nanomaggies",
}


def names_of(reasons: int) -> list[str]:
    """Names of the bits that are set, lowest first; an unknown bit is named by its number."""
    names = [reason.name or str(reason.value) for reason in Reason if reasons & reason]
    known = sum(reason.value for reason in Reason)
    names += [f"UNKNOWN_BIT_{bit}" for bit in range(63) if reasons & ~known & (1 << bit)]
    return names


def published_bits() -> dict[str, str]:
    """Bit value (as text) to name and meaning: what the metadata of every file carries."""
    return {str(reason.value): f"{reason.name}: {MEANINGS[reason]}" for reason in Reason}
