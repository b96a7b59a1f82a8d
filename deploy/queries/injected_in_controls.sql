-- Which columns that only injected light has are filled in controls, and so give the label away?
-- tables: stamp_index
-- Written from the contract stamp_index 1.1 by: python -m spark_jobs.transforms.audits.table_texts
WITH c AS (
    SELECT count(*) AS total,
           count(CASE WHEN kind = 'control' THEN "z_lens" END) AS "n_z_lens",
           count(CASE WHEN kind = 'control' THEN "z_lens_origin" END) AS "n_z_lens_origin",
           count(CASE WHEN kind = 'control' THEN "z_source" END) AS "n_z_source",
           count(CASE WHEN kind = 'control' THEN "sigma_v_kms" END) AS "n_sigma_v_kms",
           count(CASE WHEN kind = 'control' THEN "theta_e_arcsec" END) AS "n_theta_e_arcsec",
           count(CASE WHEN kind = 'control' THEN "lens_axis_ratio" END) AS "n_lens_axis_ratio",
           count(CASE WHEN kind = 'control' THEN "lens_angle_rad" END) AS "n_lens_angle_rad",
           count(CASE WHEN kind = 'control' THEN "mass_slope" END) AS "n_mass_slope",
           count(CASE WHEN kind = 'control' THEN "shear_1" END) AS "n_shear_1",
           count(CASE WHEN kind = 'control' THEN "shear_2" END) AS "n_shear_2",
           count(CASE WHEN kind = 'control' THEN "lens_dx_arcsec" END) AS "n_lens_dx_arcsec",
           count(CASE WHEN kind = 'control' THEN "lens_dy_arcsec" END) AS "n_lens_dy_arcsec",
           count(CASE WHEN kind = 'control' THEN "source_kind" END) AS "n_source_kind",
           count(CASE WHEN kind = 'control' THEN "template_id" END) AS "n_template_id",
           count(CASE WHEN kind = 'control' THEN "z_source_origin" END) AS "n_z_source_origin",
           count(CASE WHEN kind = 'control' THEN "source_colour_origin" END) AS "n_source_colour_origin",
           count(CASE WHEN kind = 'control' THEN "source_x_arcsec" END) AS "n_source_x_arcsec",
           count(CASE WHEN kind = 'control' THEN "source_y_arcsec" END) AS "n_source_y_arcsec",
           count(CASE WHEN kind = 'control' THEN "source_angle_rad" END) AS "n_source_angle_rad",
           count(CASE WHEN kind = 'control' THEN "source_half_light_arcsec" END) AS "n_source_half_light_arcsec",
           count(CASE WHEN kind = 'control' THEN "source_size_factor" END) AS "n_source_size_factor",
           count(CASE WHEN kind = 'control' THEN "source_axis_ratio" END) AS "n_source_axis_ratio",
           count(CASE WHEN kind = 'control' THEN "source_sersic_n" END) AS "n_source_sersic_n",
           count(CASE WHEN kind = 'control' THEN "source_knots" END) AS "n_source_knots",
           count(CASE WHEN kind = 'control' THEN "source_knot_share" END) AS "n_source_knot_share",
           count(CASE WHEN kind = 'control' THEN "source_mag_g" END) AS "n_source_mag_g",
           count(CASE WHEN kind = 'control' THEN "source_mag_r" END) AS "n_source_mag_r",
           count(CASE WHEN kind = 'control' THEN "source_mag_z" END) AS "n_source_mag_z",
           count(CASE WHEN kind = 'control' THEN "non_lens_property" END) AS "n_non_lens_property",
           count(CASE WHEN kind = 'control' THEN "added_x_arcsec" END) AS "n_added_x_arcsec",
           count(CASE WHEN kind = 'control' THEN "added_y_arcsec" END) AS "n_added_y_arcsec",
           count(CASE WHEN kind = 'control' THEN "added_radius_arcsec" END) AS "n_added_radius_arcsec",
           count(CASE WHEN kind = 'control' THEN "added_width_arcsec" END) AS "n_added_width_arcsec",
           count(CASE WHEN kind = 'control' THEN "added_angle_rad" END) AS "n_added_angle_rad",
           count(CASE WHEN kind = 'control' THEN "added_axis_ratio" END) AS "n_added_axis_ratio",
           count(CASE WHEN kind = 'control' THEN "added_mag_g" END) AS "n_added_mag_g",
           count(CASE WHEN kind = 'control' THEN "added_mag_r" END) AS "n_added_mag_r",
           count(CASE WHEN kind = 'control' THEN "added_mag_z" END) AS "n_added_mag_z",
           count(CASE WHEN kind = 'control' THEN "psf_fwhm_used_g_arcsec" END) AS "n_psf_fwhm_used_g_arcsec",
           count(CASE WHEN kind = 'control' THEN "psf_fwhm_used_r_arcsec" END) AS "n_psf_fwhm_used_r_arcsec",
           count(CASE WHEN kind = 'control' THEN "psf_fwhm_used_z_arcsec" END) AS "n_psf_fwhm_used_z_arcsec",
           count(CASE WHEN kind = 'control' THEN "gain_g" END) AS "n_gain_g",
           count(CASE WHEN kind = 'control' THEN "gain_r" END) AS "n_gain_r",
           count(CASE WHEN kind = 'control' THEN "gain_z" END) AS "n_gain_z",
           count(CASE WHEN kind = 'control' THEN "n_drawn" END) AS "n_n_drawn",
           count(CASE WHEN kind = 'control' THEN "n_refused_weight" END) AS "n_n_refused_weight",
           count(CASE WHEN kind = 'control' THEN "n_refused_redshift" END) AS "n_n_refused_redshift",
           count(CASE WHEN kind = 'control' THEN "n_refused_theta_e" END) AS "n_n_refused_theta_e",
           count(CASE WHEN kind = 'control' THEN "n_refused_images" END) AS "n_n_refused_images",
           count(CASE WHEN kind = 'control' THEN "n_refused_magnification" END) AS "n_n_refused_magnification",
           count(CASE WHEN kind = 'control' THEN "n_refused_snr" END) AS "n_n_refused_snr",
           count(CASE WHEN kind = 'control' THEN "predicted_magnification" END) AS "n_predicted_magnification",
           count(CASE WHEN kind = 'control' THEN "predicted_arc_snr" END) AS "n_predicted_arc_snr",
           count(CASE WHEN kind = 'control' THEN "magnification" END) AS "n_magnification",
           count(CASE WHEN kind = 'control' THEN "arc_snr" END) AS "n_arc_snr",
           count(CASE WHEN kind = 'control' THEN "arc_peak_snr" END) AS "n_arc_peak_snr",
           count(CASE WHEN kind = 'control' THEN "arc_pixels_1sigma" END) AS "n_arc_pixels_1sigma",
           count(CASE WHEN kind = 'control' THEN "arc_pixels_5sigma" END) AS "n_arc_pixels_5sigma",
           count(CASE WHEN kind = 'control' THEN "arc_to_host_flux" END) AS "n_arc_to_host_flux",
           count(CASE WHEN kind = 'control' THEN "theta_e_over_fwhm" END) AS "n_theta_e_over_fwhm",
           count(CASE WHEN kind = 'control' THEN "injected_mag_g" END) AS "n_injected_mag_g",
           count(CASE WHEN kind = 'control' THEN "injected_mag_r" END) AS "n_injected_mag_r",
           count(CASE WHEN kind = 'control' THEN "injected_mag_z" END) AS "n_injected_mag_z"
    FROM stamp_index
),
counted AS (
    SELECT r.column_name, c.total,
           CASE r.column_name
           WHEN 'z_lens' THEN c."n_z_lens"
           WHEN 'z_lens_origin' THEN c."n_z_lens_origin"
           WHEN 'z_source' THEN c."n_z_source"
           WHEN 'sigma_v_kms' THEN c."n_sigma_v_kms"
           WHEN 'theta_e_arcsec' THEN c."n_theta_e_arcsec"
           WHEN 'lens_axis_ratio' THEN c."n_lens_axis_ratio"
           WHEN 'lens_angle_rad' THEN c."n_lens_angle_rad"
           WHEN 'mass_slope' THEN c."n_mass_slope"
           WHEN 'shear_1' THEN c."n_shear_1"
           WHEN 'shear_2' THEN c."n_shear_2"
           WHEN 'lens_dx_arcsec' THEN c."n_lens_dx_arcsec"
           WHEN 'lens_dy_arcsec' THEN c."n_lens_dy_arcsec"
           WHEN 'source_kind' THEN c."n_source_kind"
           WHEN 'template_id' THEN c."n_template_id"
           WHEN 'z_source_origin' THEN c."n_z_source_origin"
           WHEN 'source_colour_origin' THEN c."n_source_colour_origin"
           WHEN 'source_x_arcsec' THEN c."n_source_x_arcsec"
           WHEN 'source_y_arcsec' THEN c."n_source_y_arcsec"
           WHEN 'source_angle_rad' THEN c."n_source_angle_rad"
           WHEN 'source_half_light_arcsec' THEN c."n_source_half_light_arcsec"
           WHEN 'source_size_factor' THEN c."n_source_size_factor"
           WHEN 'source_axis_ratio' THEN c."n_source_axis_ratio"
           WHEN 'source_sersic_n' THEN c."n_source_sersic_n"
           WHEN 'source_knots' THEN c."n_source_knots"
           WHEN 'source_knot_share' THEN c."n_source_knot_share"
           WHEN 'source_mag_g' THEN c."n_source_mag_g"
           WHEN 'source_mag_r' THEN c."n_source_mag_r"
           WHEN 'source_mag_z' THEN c."n_source_mag_z"
           WHEN 'non_lens_property' THEN c."n_non_lens_property"
           WHEN 'added_x_arcsec' THEN c."n_added_x_arcsec"
           WHEN 'added_y_arcsec' THEN c."n_added_y_arcsec"
           WHEN 'added_radius_arcsec' THEN c."n_added_radius_arcsec"
           WHEN 'added_width_arcsec' THEN c."n_added_width_arcsec"
           WHEN 'added_angle_rad' THEN c."n_added_angle_rad"
           WHEN 'added_axis_ratio' THEN c."n_added_axis_ratio"
           WHEN 'added_mag_g' THEN c."n_added_mag_g"
           WHEN 'added_mag_r' THEN c."n_added_mag_r"
           WHEN 'added_mag_z' THEN c."n_added_mag_z"
           WHEN 'psf_fwhm_used_g_arcsec' THEN c."n_psf_fwhm_used_g_arcsec"
           WHEN 'psf_fwhm_used_r_arcsec' THEN c."n_psf_fwhm_used_r_arcsec"
           WHEN 'psf_fwhm_used_z_arcsec' THEN c."n_psf_fwhm_used_z_arcsec"
           WHEN 'gain_g' THEN c."n_gain_g"
           WHEN 'gain_r' THEN c."n_gain_r"
           WHEN 'gain_z' THEN c."n_gain_z"
           WHEN 'n_drawn' THEN c."n_n_drawn"
           WHEN 'n_refused_weight' THEN c."n_n_refused_weight"
           WHEN 'n_refused_redshift' THEN c."n_n_refused_redshift"
           WHEN 'n_refused_theta_e' THEN c."n_n_refused_theta_e"
           WHEN 'n_refused_images' THEN c."n_n_refused_images"
           WHEN 'n_refused_magnification' THEN c."n_n_refused_magnification"
           WHEN 'n_refused_snr' THEN c."n_n_refused_snr"
           WHEN 'predicted_magnification' THEN c."n_predicted_magnification"
           WHEN 'predicted_arc_snr' THEN c."n_predicted_arc_snr"
           WHEN 'magnification' THEN c."n_magnification"
           WHEN 'arc_snr' THEN c."n_arc_snr"
           WHEN 'arc_peak_snr' THEN c."n_arc_peak_snr"
           WHEN 'arc_pixels_1sigma' THEN c."n_arc_pixels_1sigma"
           WHEN 'arc_pixels_5sigma' THEN c."n_arc_pixels_5sigma"
           WHEN 'arc_to_host_flux' THEN c."n_arc_to_host_flux"
           WHEN 'theta_e_over_fwhm' THEN c."n_theta_e_over_fwhm"
           WHEN 'injected_mag_g' THEN c."n_injected_mag_g"
           WHEN 'injected_mag_r' THEN c."n_injected_mag_r"
           WHEN 'injected_mag_z' THEN c."n_injected_mag_z"
           END AS breaches
    FROM c
    CROSS JOIN (VALUES
    ('z_lens'),
    ('z_lens_origin'),
    ('z_source'),
    ('sigma_v_kms'),
    ('theta_e_arcsec'),
    ('lens_axis_ratio'),
    ('lens_angle_rad'),
    ('mass_slope'),
    ('shear_1'),
    ('shear_2'),
    ('lens_dx_arcsec'),
    ('lens_dy_arcsec'),
    ('source_kind'),
    ('template_id'),
    ('z_source_origin'),
    ('source_colour_origin'),
    ('source_x_arcsec'),
    ('source_y_arcsec'),
    ('source_angle_rad'),
    ('source_half_light_arcsec'),
    ('source_size_factor'),
    ('source_axis_ratio'),
    ('source_sersic_n'),
    ('source_knots'),
    ('source_knot_share'),
    ('source_mag_g'),
    ('source_mag_r'),
    ('source_mag_z'),
    ('non_lens_property'),
    ('added_x_arcsec'),
    ('added_y_arcsec'),
    ('added_radius_arcsec'),
    ('added_width_arcsec'),
    ('added_angle_rad'),
    ('added_axis_ratio'),
    ('added_mag_g'),
    ('added_mag_r'),
    ('added_mag_z'),
    ('psf_fwhm_used_g_arcsec'),
    ('psf_fwhm_used_r_arcsec'),
    ('psf_fwhm_used_z_arcsec'),
    ('gain_g'),
    ('gain_r'),
    ('gain_z'),
    ('n_drawn'),
    ('n_refused_weight'),
    ('n_refused_redshift'),
    ('n_refused_theta_e'),
    ('n_refused_images'),
    ('n_refused_magnification'),
    ('n_refused_snr'),
    ('predicted_magnification'),
    ('predicted_arc_snr'),
    ('magnification'),
    ('arc_snr'),
    ('arc_peak_snr'),
    ('arc_pixels_1sigma'),
    ('arc_pixels_5sigma'),
    ('arc_to_host_flux'),
    ('theta_e_over_fwhm'),
    ('injected_mag_g'),
    ('injected_mag_r'),
    ('injected_mag_z')
    ) AS r (column_name)
)
SELECT column_name, breaches, total
FROM counted
WHERE breaches > 0
ORDER BY breaches DESC, column_name
