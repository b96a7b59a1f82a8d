-- Which stamps were made twice? The first 100 groups of rows that agree in everything that was measured on them.
-- tables: stamp_index
-- A stamp made twice has the same measurements to the last digit, so it is seen here. One whose bytes were stored in another
-- row's place is not: dhs audit --stamps reads the pixels and compares those. Controls of one host in one split are left out.
SELECT count(*) AS times, min(task_id) AS example, max(task_id) AS another,
       min(host_id) AS host_id, max(host_id) AS other_host_id, min(split) AS split, max(split) AS other_split
FROM stamp_index
WHERE reasons = 0
GROUP BY x_centre_pix, y_centre_pix, sky_sigma_r_nmgy, arc_snr, injected_mag_r
HAVING count(*) > 1
   AND (min(host_id) <> max(host_id) OR min(split) <> max(split) OR max(kind) <> 'control' OR min(kind) <> 'control')
ORDER BY times DESC, example
LIMIT 100
