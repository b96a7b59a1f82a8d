-- What did each cut turn down? Draws and lens tasks by Einstein radius and source magnitude; rows without an accepted draw last.
-- tables: stamp_index, reason_bits
-- figure: bars theta_e_from source_r_from | made too_faint other_refusals
SELECT floor(4 * s.theta_e_arcsec) / 4 AS theta_e_from,
       floor(s.source_mag_r) AS source_r_from,
       count(*) AS lens_tasks,
       sum(s.n_drawn) AS draws,
       sum(s.n_refused_redshift) AS refused_redshift,
       sum(s.n_refused_theta_e) AS refused_theta_e,
       sum(s.n_refused_images) AS refused_images,
       sum(s.n_refused_magnification) AS refused_magnification,
       sum(s.n_refused_snr) AS refused_predicted_snr,
       sum(s.n_refused_weight) AS refused_weight,
       sum(CASE WHEN s.reasons = 0 THEN 1 ELSE 0 END) AS made,
       sum(CASE WHEN mod(s.reasons, 2 * b.bit) >= b.bit THEN 1 ELSE 0 END) AS too_faint,
       sum(CASE WHEN s.reasons <> 0 AND mod(s.reasons, 2 * b.bit) < b.bit THEN 1 ELSE 0 END) AS other_refusals
FROM stamp_index AS s
CROSS JOIN (SELECT bit FROM reason_bits WHERE name = 'ARC_TOO_FAINT') AS b
WHERE s.kind = 'lens'
GROUP BY floor(4 * s.theta_e_arcsec) / 4, floor(s.source_mag_r)
ORDER BY theta_e_from NULLS LAST, source_r_from NULLS LAST
