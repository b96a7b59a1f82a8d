-- DuckDB: no view holds pixels. Paths may be s3:// where the httpfs extension is installed.

CREATE OR REPLACE VIEW stamp_index AS
SELECT 'stamps' AS run, "task_id", "pair_id", "host_id", "cell", "shard", "split", "kind", "label", "configuration", "replicate", "recipe_hash", "run_seed", "ra_deg", "dec_deg", "brickname", "size_pix", "x_centre_pix", "y_centre_pix", "psf_fwhm_g_arcsec", "psf_fwhm_r_arcsec", "psf_fwhm_z_arcsec", "psf_depth_g_mag", "psf_depth_r_mag", "psf_depth_z_mag", "sky_sigma_g_nmgy", "sky_sigma_r_nmgy", "sky_sigma_z_nmgy", "mag_raw_g", "mag_raw_r", "mag_raw_z", "masked_fraction", "uncovered_fraction", "z_lens", "z_lens_origin", "z_source", "sigma_v_kms", "theta_e_arcsec", "lens_axis_ratio", "lens_angle_rad", "mass_slope", "shear_1", "shear_2", "lens_dx_arcsec", "lens_dy_arcsec", "source_kind", "template_id", "z_source_origin", "source_colour_origin", "source_x_arcsec", "source_y_arcsec", "source_angle_rad", "source_half_light_arcsec", "source_size_factor", "source_axis_ratio", "source_sersic_n", "source_knots", "source_knot_share", "source_mag_g", "source_mag_r", "source_mag_z", "non_lens_property", "added_x_arcsec", "added_y_arcsec", "added_radius_arcsec", "added_width_arcsec", "added_angle_rad", "added_axis_ratio", "added_mag_g", "added_mag_r", "added_mag_z", "psf_fwhm_used_g_arcsec", "psf_fwhm_used_r_arcsec", "psf_fwhm_used_z_arcsec", "gain_g", "gain_r", "gain_z", "n_drawn", "n_refused_weight", "n_refused_redshift", "n_refused_theta_e", "n_refused_images", "n_refused_magnification", "n_refused_snr", "predicted_magnification", "predicted_arc_snr", "magnification", "arc_snr", "arc_peak_snr", "arc_pixels_1sigma", "arc_pixels_5sigma", "arc_to_host_flux", "theta_e_over_fwhm", "injected_mag_g", "injected_mag_r", "injected_mag_z", "reasons", "file", "row"
FROM read_parquet('s3://BUCKET/stamps/index/*.parquet', hive_partitioning = false);

CREATE OR REPLACE VIEW tasks AS
SELECT 'plan' AS run, "task_id", "pair_id", "host_id", "cell", "shard", "split", "kind", "label", "configuration", "replicate", "recipe_hash", "run_seed", "z_lens", "z_lens_origin", "z_source", "sigma_v_kms", "theta_e_arcsec", "lens_axis_ratio", "lens_angle_rad", "mass_slope", "shear_1", "shear_2", "lens_dx_arcsec", "lens_dy_arcsec", "source_kind", "template_id", "z_source_origin", "source_colour_origin", "source_x_arcsec", "source_y_arcsec", "source_angle_rad", "source_half_light_arcsec", "source_size_factor", "source_axis_ratio", "source_sersic_n", "source_knots", "source_knot_share", "source_mag_g", "source_mag_r", "source_mag_z", "non_lens_property", "added_x_arcsec", "added_y_arcsec", "added_radius_arcsec", "added_width_arcsec", "added_angle_rad", "added_axis_ratio", "added_mag_g", "added_mag_r", "added_mag_z", "psf_fwhm_used_g_arcsec", "psf_fwhm_used_r_arcsec", "psf_fwhm_used_z_arcsec", "n_drawn", "n_refused_weight", "n_refused_redshift", "n_refused_theta_e", "n_refused_images", "n_refused_magnification", "n_refused_snr", "predicted_magnification", "predicted_arc_snr", "reasons"
FROM read_parquet('s3://BUCKET/plan/tasks/*.parquet', hive_partitioning = false);

CREATE OR REPLACE VIEW hosts AS
SELECT 'plan' AS run, "host_id", "ra_deg", "dec_deg", "brickname", "cell", "morphology", "flux_g_nmgy", "flux_r_nmgy", "flux_z_nmgy", "flux_w1_nmgy", "mw_transmission_g", "mw_transmission_r", "mw_transmission_z", "mw_transmission_w1", "mag_raw_g", "mag_raw_r", "mag_raw_z", "mag_g", "mag_r", "mag_z", "mag_w1", "shape_r_arcsec", "shape_e1", "shape_e2", "sersic_n", "psf_fwhm_catalogue_g_arcsec", "psf_fwhm_catalogue_r_arcsec", "psf_fwhm_catalogue_z_arcsec", "psf_depth_g_mag", "psf_depth_r_mag", "psf_depth_z_mag", "nobs_g", "nobs_r", "nobs_z", "maskbits", "z_phot", "lrg_cuts", "in_anchor_cell", "reasons"
FROM read_parquet('s3://BUCKET/plan/hosts/*.parquet', hive_partitioning = false);

CREATE OR REPLACE VIEW runs AS
SELECT * FROM (VALUES
    ('stamps', 'inject', CAST(NULL AS varchar), CAST(NULL AS varchar), CAST(NULL AS bigint), CAST(NULL AS varchar), CAST(NULL AS varchar), CAST(NULL AS varchar), CAST(0 AS bigint)),
    ('plan', 'plan', CAST(NULL AS varchar), CAST(NULL AS varchar), CAST(NULL AS bigint), CAST(NULL AS varchar), CAST(NULL AS varchar), CAST(NULL AS varchar), CAST(0 AS bigint))
) AS t (run, job, recipe_name, recipe_hash, run_seed, code_version, split_key, finished_utc, rows_written);

CREATE OR REPLACE VIEW reason_bits AS
SELECT * FROM (VALUES
    (CAST(1 AS bigint), 'NEAR_KNOWN_LENS', 'within 10 arcsec of a catalogued lens or candidate of any grade'),
    (CAST(2 AS bigint), 'DUPLICATE_HOST', 'the same object, within 0.5 arcsec, is a host already'),
    (CAST(4 AS bigint), 'CATALOGUE_MASKED', 'the catalogue''s MASKBITS has a bit that the selection excludes'),
    (CAST(8 AS bigint), 'CATALOGUE_UNCOVERED', 'the catalogue counts no exposure in a wanted band'),
    (CAST(16 AS bigint), 'NEAR_CELL_BORDER', 'closer than a stamp to the border of its sky cell'),
    (CAST(32 AS bigint), 'BAD_PHOTOMETRY', 'a flux, shape or transmission that is needed is not finite or not positive'),
    (CAST(256 AS bigint), 'BRICK_MISSING', 'the brick''s file is not there'),
    (CAST(512 AS bigint), 'BRICK_UNREADABLE', 'the brick''s file is truncated or not the FITS file that its name says'),
    (CAST(1024 AS bigint), 'BAND_MISSING', 'a wanted band has no image of this brick'),
    (CAST(2048 AS bigint), 'OVER_BRICK_EDGE', 'the stamp reaches over the brick''s edge, or the host is not on the brick'),
    (CAST(4096 AS bigint), 'MASKED_PIXELS', 'more masked pixels in the stamp than allowed, or one at its centre'),
    (CAST(8192 AS bigint), 'UNCOVERED_PIXELS', 'more pixels without inverse variance in the stamp than allowed'),
    (CAST(16384 AS bigint), 'NONFINITE_PIXELS', 'the stamp holds NaN or infinite pixels'),
    (CAST(32768 AS bigint), 'PSF_UNKNOWN', 'neither the psfsize plane nor the catalogue gives a usable PSF width'),
    (CAST(65536 AS bigint), 'WCS_UNEXPECTED', 'the brick''s WCS is not a TAN projection with north up at the survey''s pixel scale'),
    (CAST(131072 AS bigint), 'CUTOUT_MISSING', 'the plan names a host that the cutouts do not hold'),
    (CAST(1048576 AS bigint), 'NO_ACCEPTED_DRAW', 'no draw was accepted within the recipe''s number of draws'),
    (CAST(2097152 AS bigint), 'BAD_PARAMETERS', 'a parameter of lens or source is not finite or not physical'),
    (CAST(4194304 AS bigint), 'SOURCE_OFF_STAMP', 'the lensed light falls off the stamp'),
    (CAST(8388608 AS bigint), 'TEMPLATE_UNUSABLE', 'the source template has no flux or is not in the bank'),
    (CAST(16777216 AS bigint), 'ARC_TOO_FAINT', 'the rendered arc is below the recipe''s signal to noise or magnification'),
    (CAST(33554432 AS bigint), 'PARTNER_REFUSED', 'the other half of the pair was refused'),
    (CAST(67108864 AS bigint), 'STILL_AN_ARC', 'a shuffled arc is too like the whole one behind the PSF to be labelled a negative'),
    (CAST(134217728 AS bigint), 'WEIGHTED_OUT', 'an accepted draw that the recipe''s weighting did not keep'),
    (CAST(4294967296 AS bigint), 'POSITION_UNREADABLE', 'the list gives no right ascension and declination on the sphere'),
    (CAST(8589934592 AS bigint), 'NAMED_TWICE', 'an earlier row of the list has the same name'),
    (CAST(17179869184 AS bigint), 'TWICE_ON_SKY', 'an earlier row of the list lies within 2 arcsec'),
    (CAST(34359738368 AS bigint), 'AWAY_FROM_ITS_NAME', 'the name carries a position, and it is not this one'),
    (CAST(281474976710656 AS bigint), 'PIXELS_UNREADABLE', 'what was adopted has no pixels, or they cannot be read'),
    (CAST(562949953421312 AS bigint), 'SAID_UNUSABLE', 'the file that the row was adopted from says that its cutout is not usable'),
    (CAST(1125899906842624 AS bigint), 'IDENTITY_UNKNOWN', 'the file that the row was adopted from does not say which task it is, or whether it is a lens'),
    (CAST(2251799813685248 AS bigint), 'OTHER_SIZE', 'what was adopted has another shape or number of pixels than asked'),
    (CAST(4503599627370496 AS bigint), 'OFF_ITS_IMAGE', 'the image''s own WCS puts the position off the image'),
    (CAST(9007199254740992 AS bigint), 'UNIT_UNEXPECTED', 'the image says that it is in another unit than nanomaggies')
) AS t (bit, name, meaning);
