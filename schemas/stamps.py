"""The stamps table: one row a task, made or refused, with its pixels as an npz blob; and its index without pixels."""

from __future__ import annotations

from schemas.contract import Column, Contract, per_band
from schemas.cutouts import MASKED_FRACTION, PSF_FWHM, SIZE, SKY_SIGMA, UNCOVERED_FRACTION, X_CENTRE, Y_CENTRE
from schemas.hosts import BRICK, DEC, PSF_DEPTH, RA, RAW_MAGNITUDES, REASONS
from schemas.tasks import ACCEPTANCE, IDENTITY, LENS, NEGATIVE, PSF_USED, SOURCE


def _observable(name: str, doc: str, unit: str = "") -> Column:
    return Column(name, "float64", doc + " Null where nothing was injected.", unit=unit, nullable=True, injected=True)


def _nullable(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The same columns, null allowed: a refused row may have no cutout to take them from."""
    return tuple(Column(c.name, c.type, c.doc, c.unit, True, c.shape, c.injected) for c in columns)


GAIN = (
    *per_band(
        Column(
            "gain_{band}",
            "float64",
            "Effective gain in {band} that the arc's photon noise is drawn with; null without photon noise.",
            unit="electron/nmgy",
            nullable=True,
            injected=True,
        )
    ),
)
OBSERVABLES = (
    _observable(
        "magnification",
        "Light of the arc on the stamp over the source's unlensed flux, before the PSF, band r; null for a hard negative.",
    ),
    _observable("arc_snr", "White matched-filter signal to noise of the noiseless arc a in r: sqrt(sum(a^2 invvar))."),
    _observable("arc_peak_snr", "Largest a*sqrt(invvar) of a pixel in r."),
    Column("arc_pixels_1sigma", "int32", "Pixels in r with a*sqrt(invvar) above 1.", nullable=True, injected=True),
    Column("arc_pixels_5sigma", "int32", "Pixels in r with a*sqrt(invvar) above 5.", nullable=True, injected=True),
    _observable("arc_to_host_flux", "Light of the arc on the stamp over the catalogue flux of the host, band r."),
    _observable("theta_e_over_fwhm", "Einstein radius over PSF FWHM in r."),
    *per_band(_observable("injected_mag_{band}", "AB magnitude of the injected light on the stamp in {band}.", "mag")),
)

STAMPS = Contract(
    name="stamps",
    doc="One row a task, made or refused; a refused row has a null blob and its reasons.",
    columns=(
        *IDENTITY,
        RA,
        DEC,
        BRICK,
        *_nullable((SIZE, X_CENTRE, Y_CENTRE)),
        *PSF_FWHM,
        *PSF_DEPTH,
        *SKY_SIGMA,
        *RAW_MAGNITUDES,
        *_nullable((MASKED_FRACTION, UNCOVERED_FRACTION)),
        *LENS,
        *SOURCE,
        *NEGATIVE,
        *PSF_USED,
        *GAIN,
        *ACCEPTANCE,
        *OBSERVABLES,
        REASONS,
        Column(
            "stamp_npz",
            "binary",
            "npz bytes: float32 image_g, image_r, image_z, nMgy per pixel, or their quantised form; null if refused.",
            nullable=True,
            shape="(size, size) each",
        ),
    ),
)

STAMP_INDEX = Contract(
    name="stamp_index",
    doc="The stamps table without pixels, one file a split, with the place of each row.",
    columns=(
        *(column for column in STAMPS.columns if column.type != "binary"),
        Column("file", "string", "Path of the stamps file that holds the row, relative to the stamps directory."),
        Column("row", "int32", "Number of the row in that file, from 0."),
    ),
)
