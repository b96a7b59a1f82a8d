"""Which columns a sweep file of DR9 and DR10 has, with their types: name to FITS type, in the survey's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_OPTICAL = ("G", "R", "Z")
_WISE = ("W1", "W2", "W3", "W4")
_ALL = (*_OPTICAL, *_WISE)


def _per_band(stem: str, kind: str, bands: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return ((f"{stem}_{band}", kind) for band in bands)


SWEEP_COLUMNS: Mapping[str, str] = {
    "RELEASE": "i2",
    "BRICKID": "i4",
    "BRICKNAME": "S8",
    "OBJID": "i4",
    "TYPE": "S3",
    "RA": "f8",
    "DEC": "f8",
    "RA_IVAR": "f4",
    "DEC_IVAR": "f4",
    "DCHISQ": "5f4",
    "EBV": "f4",
    **dict(_per_band("FLUX", "f4", _ALL)),
    **dict(_per_band("FLUX_IVAR", "f4", _ALL)),
    **dict(_per_band("MW_TRANSMISSION", "f4", _ALL)),
    **dict(_per_band("NOBS", "i2", _ALL)),
    **dict(_per_band("RCHISQ", "f4", _ALL)),
    **dict(_per_band("FRACFLUX", "f4", _ALL)),
    **dict(_per_band("FRACMASKED", "f4", _OPTICAL)),
    **dict(_per_band("FRACIN", "f4", _OPTICAL)),
    **dict(_per_band("ANYMASK", "i2", _OPTICAL)),
    **dict(_per_band("ALLMASK", "i2", _OPTICAL)),
    **dict(_per_band("WISEMASK", "u1", ("W1", "W2"))),
    **dict(_per_band("PSFSIZE", "f4", _OPTICAL)),
    **dict(_per_band("PSFDEPTH", "f4", _OPTICAL)),
    **dict(_per_band("GALDEPTH", "f4", _OPTICAL)),
    **dict(_per_band("PSFDEPTH", "f4", ("W1", "W2"))),
    "WISE_COADD_ID": "S8",
    **dict(_per_band("FIBERFLUX", "f4", _OPTICAL)),
    **dict(_per_band("FIBERTOTFLUX", "f4", _OPTICAL)),
    "REF_CAT": "S2",
    "REF_ID": "i8",
    "REF_EPOCH": "f4",
    "GAIA_PHOT_G_MEAN_MAG": "f4",
    "GAIA_PHOT_BP_MEAN_MAG": "f4",
    "GAIA_PHOT_RP_MEAN_MAG": "f4",
    "PARALLAX": "f4",
    "PARALLAX_IVAR": "f4",
    "PMRA": "f4",
    "PMRA_IVAR": "f4",
    "PMDEC": "f4",
    "PMDEC_IVAR": "f4",
    "MASKBITS": "i4",
    "FITBITS": "i2",
    "SERSIC": "f4",
    "SERSIC_IVAR": "f4",
    "SHAPE_R": "f4",
    "SHAPE_R_IVAR": "f4",
    "SHAPE_E1": "f4",
    "SHAPE_E1_IVAR": "f4",
    "SHAPE_E2": "f4",
    "SHAPE_E2_IVAR": "f4",
}
"""DR9's light curves are left out: no reader of images wants them."""

PHOTO_Z_COLUMNS: Mapping[str, str] = {
    "RELEASE": "i2",
    "BRICKID": "i4",
    "OBJID": "i4",
    "Z_PHOT_MEAN": "f4",
    "Z_PHOT_MEDIAN": "f4",
    "Z_PHOT_STD": "f4",
    "Z_PHOT_L68": "f4",
    "Z_PHOT_U68": "f4",
    "Z_PHOT_L95": "f4",
    "Z_PHOT_U95": "f4",
    "Z_SPEC": "f4",
    "SURVEY": "S12",
    "TRAINING": "?",
}
"""What the survey's photometric-redshift files hold, row by row beside a sweep; -99 where there is none."""
