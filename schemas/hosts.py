"""The hosts table: massive galaxies of a survey catalogue that may carry a lens, one row each, refused ones included."""

from __future__ import annotations

from schemas.contract import Column, Contract, per_band

HOST_ID = Column("host_id", "string", "Survey identity of the galaxy: release-brickid-objid.")
RA = Column("ra_deg", "float64", "Right ascension, ICRS.", unit="deg")
DEC = Column("dec_deg", "float64", "Declination, ICRS.", unit="deg")
BRICK = Column("brickname", "string", "Survey brick that holds the galaxy, for example 0591m305.")
CELL = Column("cell", "int64", "HEALPix sky cell (nside 128, nested) of the position: the group that splits are made of.")
REASONS = Column("reasons", "int64", "Bit mask of why the row was refused; 0 where it was not (bits in the file's metadata).")
PSF_DEPTH = per_band(
    Column(
        "psf_depth_{band}_mag",
        "float64",
        "5-sigma point-source depth in {band} at the galaxy, AB, not corrected for dust.",
        unit="mag",
        nullable=True,
    )
)
RAW_MAGNITUDES = per_band(
    Column("mag_raw_{band}", "float64", "AB magnitude in {band} as observed through the dust.", unit="mag", nullable=True)
)
TRANSMISSION = per_band(
    Column("mw_transmission_{band}", "float64", "Share of the {band} light that Galactic dust lets through, 0 to 1.")
)

HOSTS = Contract(
    name="hosts",
    doc="Massive galaxies of a survey catalogue that may carry a lens.",
    columns=(
        HOST_ID,
        RA,
        DEC,
        BRICK,
        CELL,
        Column("morphology", "string", "Tractor model type: REX, EXP, DEV or SER."),
        *per_band(
            Column("flux_{band}_nmgy", "float64", "Catalogue flux in {band} as observed through the dust.", unit="nmgy"),
            ("g", "r", "z", "w1"),
        ),
        *TRANSMISSION,
        Column("mw_transmission_w1", "float64", "Share of the W1 light that Galactic dust lets through, 0 to 1."),
        *RAW_MAGNITUDES,
        *per_band(
            Column(
                "mag_{band}",
                "float64",
                "AB magnitude in {band} corrected for Galactic dust; null where the flux is not positive.",
                unit="mag",
                nullable=True,
            ),
            ("g", "r", "z", "w1"),
        ),
        Column("shape_r_arcsec", "float64", "Half-light radius of the catalogue's model.", unit="arcsec"),
        Column("shape_e1", "float64", "Catalogue ellipticity component 1, angle east of north."),
        Column("shape_e2", "float64", "Catalogue ellipticity component 2, angle east of north."),
        Column("sersic_n", "float64", "Sersic index of the catalogue's model; null where it has none.", nullable=True),
        *per_band(
            Column(
                "psf_fwhm_catalogue_{band}_arcsec",
                "float64",
                "PSF width in {band} that the catalogue gives at the galaxy.",
                unit="arcsec",
                nullable=True,
            )
        ),
        *PSF_DEPTH,
        *per_band(Column("nobs_{band}", "int32", "Number of exposures in {band} at the galaxy.")),
        Column("maskbits", "int32", "The catalogue's MASKBITS at the galaxy."),
        Column("z_phot", "float64", "Photometric redshift of the catalogue; null where it has none.", nullable=True),
        Column("lrg_cuts", "int32", "Bit mask of the nested LRG cuts passed: bit 0 is v1 (strictest), bit 4 is v5."),
        Column("in_anchor_cell", "bool", "Whether the sky cell holds a lens of the anchor list: never train or validate."),
        REASONS,
    ),
)
