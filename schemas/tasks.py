"""The tasks table: what will be made, drawn without pixels, countable before it is paid for."""

from __future__ import annotations

from schemas.contract import Column, Contract, per_band
from schemas.hosts import CELL, HOST_ID, REASONS

TASK_ID = Column("task_id", "string", "First 32 hex digits of the SHA-256 of run seed, recipe, host, configuration, replicate.")
IDENTITY = (
    TASK_ID,
    Column("pair_id", "string", "Shared by a lens and its paired control; null where there is no pair.", nullable=True),
    HOST_ID,
    CELL,
    Column("shard", "int32", "Bundle of neighbouring hosts that one worker makes."),
    Column("split", "string", "train, val or test, by the published hash of the recipe's split key."),
    Column(
        "kind",
        "string",
        "lens (a lensed source is added), control (the host as the survey saw it), or a hard negative by its name: unlensed, "
        "ring, spiral, companion, shuffled, trail, spike; merger and edge_on in skies that another engine drew.",
    ),
    Column("label", "int16", "1 where a lens was injected, else 0."),
    Column("configuration", "int32", "Number of the grid configuration; 0 where the recipe has no grid."),
    Column("replicate", "int32", "Number of the repeat with the same host and configuration."),
    Column("recipe_hash", "string", "First 16 hex digits of the SHA-256 of the recipe's canonical content."),
    Column("run_seed", "int64", "Seed of the run; every random draw is keyed by it and the task's identity."),
)


def _word(name: str, doc: str) -> Column:
    """A parameter that is a word."""
    return Column(name, "string", doc, nullable=True, injected=True)


def _count(name: str, doc: str) -> Column:
    return Column(name, "int32", doc, nullable=True, injected=True)


def _drawn(name: str, doc: str, unit: str = "") -> Column:
    """A parameter that exists for injected tasks only."""
    return Column(name, "float64", doc, unit=unit, nullable=True, injected=True)


LENS = (
    _drawn("z_lens", "Redshift of the lens."),
    _word("z_lens_origin", "Where z_lens comes from: catalogue, colour, clipped (to the recipe's range) or none."),
    _drawn("z_source", "Redshift of the source."),
    _drawn("sigma_v_kms", "Velocity dispersion of the lens; null where theta_e was given directly.", unit="km/s"),
    _drawn("theta_e_arcsec", "Einstein radius: mean convergence is one inside sqrt(q x^2 + y^2/q) = theta_e.", unit="arcsec"),
    _drawn("lens_axis_ratio", "Minor over major axis of the convergence, 0 to 1."),
    _drawn("lens_angle_rad", "Major axis of the convergence from +x (west) counter-clockwise.", unit="rad"),
    _drawn("mass_slope", "Logarithmic slope of the lens's density profile: 2 is isothermal."),
    _drawn("shear_1", "External shear, component along x."),
    _drawn("shear_2", "External shear, component along the diagonal."),
    _drawn("lens_dx_arcsec", "Lens centre minus galaxy centre along x (west).", unit="arcsec"),
    _drawn("lens_dy_arcsec", "Lens centre minus galaxy centre along y (north).", unit="arcsec"),
)
SOURCE = (
    _word("source_kind", "template (a galaxy of the bank), sersic, sersic_knots, or flat_square (an even square)."),
    _word("template_id", "Identity of the bank's galaxy, also where a Sersic source takes its place; null without a bank."),
    _word("z_source_origin", "Where z_source comes from: template (the galaxy's own), shifted (galaxy moved there) or drawn."),
    _word("source_colour_origin", "Where the source's colours come from: template, redshift, normal or fixed."),
    _drawn("source_x_arcsec", "Source centre minus lens centre along x in the source plane.", unit="arcsec"),
    _drawn("source_y_arcsec", "Source centre minus lens centre along y in the source plane.", unit="arcsec"),
    _drawn("source_angle_rad", "Rotation of the source counter-clockwise from +x.", unit="rad"),
    _drawn("source_half_light_arcsec", "Half-light radius of the source along its major axis.", unit="arcsec"),
    _drawn("source_size_factor", "Factor on the template's angular size."),
    _drawn("source_axis_ratio", "Minor over major axis of a Sersic source."),
    _drawn("source_sersic_n", "Sersic index of a Sersic source."),
    _count("source_knots", "Number of knots of a sersic_knots source."),
    _drawn("source_knot_share", "Share of a sersic_knots source's flux that its knots hold."),
    *per_band(
        _drawn("source_mag_{band}", "Unlensed AB magnitude of the source in {band}, dust of our Galaxy included.", "mag")
    ),
)
# A hard negative also holds the lens and source that it is matched to: the draw that sets its flux, colour and radius.
NEGATIVE = (
    _word("non_lens_property", "Why the added light of a hard negative cannot be lensing, in one word."),
    _drawn("added_x_arcsec", "Centre of a hard negative's light minus galaxy centre along x (west).", unit="arcsec"),
    _drawn("added_y_arcsec", "Centre of a hard negative's light minus galaxy centre along y (north).", unit="arcsec"),
    _drawn("added_radius_arcsec", "Radius of a hard negative's ring, arms, or half-light radius of its galaxy.", unit="arcsec"),
    _drawn("added_width_arcsec", "Width (FWHM) of a hard negative's ring, arms, trail or spike.", unit="arcsec"),
    _drawn("added_angle_rad", "Orientation of a hard negative's light from +x counter-clockwise.", unit="rad"),
    _drawn("added_axis_ratio", "Minor over major axis of a hard negative's ring, disc or galaxy."),
    *per_band(
        _drawn(
            "added_mag_{band}",
            "AB magnitude in {band} that a hard negative's light is given; predicted where it is a shuffled arc.",
            "mag",
        )
    ),
)
PSF_USED = per_band(
    _drawn(
        "psf_fwhm_used_{band}_arcsec",
        "PSF width in {band} that the arc is blurred with; null in a plan where it is the cutout's own.",
        "arcsec",
    )
)

ACCEPTANCE = (
    _count("n_drawn", "Draws made for this task, the accepted one included."),
    _count("n_refused_weight", "Accepted draws that the recipe's weighting did not keep: 1 or 0, since it is not drawn again."),
    _count("n_refused_redshift", "Draws refused because the source is not far enough behind the lens."),
    _count(
        "n_refused_theta_e",
        "Draws refused because the Einstein radius or the velocity dispersion is outside the recipe's range.",
    ),
    _count("n_refused_images", "Draws refused because the source is not multiply imaged."),
    _count("n_refused_magnification", "Draws refused because the point magnification is too low."),
    _count("n_refused_snr", "Draws refused because the predicted arc signal to noise is too low."),
    _drawn("predicted_magnification", "Total magnification of a point source at the drawn position."),
    _drawn("predicted_arc_snr", "Arc signal to noise in r predicted from depth and magnification."),
)

TASKS = Contract(
    name="tasks",
    doc="What a plan will make: one row a task, parameters drawn, no pixels.",
    columns=(*IDENTITY, *LENS, *SOURCE, *NEGATIVE, *PSF_USED, *ACCEPTANCE, REASONS),
)
