"""The cutouts table: the border between survey and simulation. Another survey joins by writing this table."""

from __future__ import annotations

from dataclasses import replace

from schemas.contract import Column, Contract, per_band
from schemas.hosts import BRICK, CELL, DEC, HOST_ID, PSF_DEPTH, RA, REASONS

X_CENTRE = Column(
    "x_centre_pix", "float64", "Position of the galaxy on the stamp along x (west), pixel centres at integers from 0.", "pix"
)
Y_CENTRE = Column(
    "y_centre_pix", "float64", "Position of the galaxy on the stamp along y (north), pixel centres at integers from 0.", "pix"
)
PSF_FWHM = per_band(
    Column(
        "psf_fwhm_{band}_arcsec",
        "float64",
        "PSF width in {band} at the galaxy, pixel included; null where unknown.",
        unit="arcsec",
        nullable=True,
    )
)
SKY_SIGMA = per_band(
    Column(
        "sky_sigma_{band}_nmgy",
        "float64",
        "Noise of one pixel in {band}, from the median inverse variance of the stamp; null where uncovered.",
        unit="nmgy",
        nullable=True,
    )
)
MASKED_FRACTION = Column("masked_fraction", "float64", "Share of stamp pixels whose MASKBITS hold an excluded bit.")
UNCOVERED_FRACTION = Column("uncovered_fraction", "float64", "Share of stamp pixels without inverse variance, worst band.")
SIZE = Column("size_pix", "int32", "Side of the square stamp.", unit="pix")

CUTOUTS = Contract(
    name="cutouts",
    doc="Survey pixels around a position: image, inverse variance, mask, PSF and centre. A refused row has a null blob.",
    columns=(
        HOST_ID,
        RA,
        DEC,
        BRICK,
        CELL,
        SIZE,
        Column("bands", "string", "Bands that the blob holds, for example grz or g."),
        # Null, never zero or NaN, where a refused row has no pixels to tell.
        replace(X_CENTRE, nullable=True),
        replace(Y_CENTRE, nullable=True),
        *PSF_FWHM,
        *per_band(
            Column(
                "psf_origin_{band}",
                "string",
                "Where the PSF width in {band} comes from: plane (psfsize plane), catalogue, or null.",
                nullable=True,
            )
        ),
        *PSF_DEPTH,
        *SKY_SIGMA,
        *per_band(
            Column(
                "noise_correlation_{band}",
                "float64",
                "Correlation of neighbouring blank pixels in {band} (0 for white noise); null where too few are blank.",
                nullable=True,
            )
        ),
        replace(MASKED_FRACTION, nullable=True),
        replace(UNCOVERED_FRACTION, nullable=True),
        REASONS,
        Column(
            "psf_npz",
            "binary",
            "npz bytes: float32 psf_<band>, the PSF at the galaxy on survey pixels, centred, sum 1; null where not known.",
            nullable=True,
            shape="(k, k) each, k odd",
        ),
        Column(
            "cutout_npz",
            "binary",
            "npz bytes: float32 image_<band> (nMgy per pixel) and invvar_<band> (nMgy^-2), int32 maskbits; null if refused.",
            nullable=True,
            shape="(size, size) each",
        ),
    ),
)
