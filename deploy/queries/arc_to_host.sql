-- Are the arcs as bright beside their hosts as known ones (r 20 to 23)? By host magnitude, lenses only.
-- tables: stamp_index
-- figure: ranges host_r_from | p10 median p90 known_from known_to
-- An arc of r 23 on a host of magnitude h carries 10^(0.4 (h - 23)) of its light, one of r 20 carries 10^(0.4 (h - 20)).
WITH binned AS (
    SELECT floor(mag_raw_r) AS host_r_from, floor(100 * log10(arc_to_host_flux)) AS bin, count(*) AS n,
           sum(CASE WHEN injected_mag_r < 20 THEN 1 ELSE 0 END) AS brighter,
           sum(CASE WHEN injected_mag_r > 23 THEN 1 ELSE 0 END) AS fainter,
           sum(CASE WHEN arc_to_host_flux > 1 THEN 1 ELSE 0 END) AS outshining
    FROM stamp_index
    WHERE reasons = 0 AND kind = 'lens' AND arc_to_host_flux > 0 AND mag_raw_r IS NOT NULL
    GROUP BY floor(mag_raw_r), floor(100 * log10(arc_to_host_flux))
),
ranked AS (
    SELECT host_r_from, bin, n, brighter, fainter, outshining,
           sum(n) OVER (PARTITION BY host_r_from ORDER BY bin) AS up_to,
           sum(n) OVER (PARTITION BY host_r_from) AS total
    FROM binned
)
SELECT host_r_from, max(total) AS lenses,
       round(power(10, (min(CASE WHEN 10 * up_to >= total THEN bin END) + 0.5) / 100), 4) AS p10,
       round(power(10, (min(CASE WHEN 2 * up_to >= total THEN bin END) + 0.5) / 100), 4) AS median,
       round(power(10, (min(CASE WHEN 10 * up_to >= 9 * total THEN bin END) + 0.5) / 100), 4) AS p90,
       round(power(10, 0.4 * (host_r_from + 0.5 - 23)), 4) AS known_from,
       round(power(10, 0.4 * (host_r_from + 0.5 - 20)), 4) AS known_to,
       round(CAST(sum(brighter) AS double) / max(total), 4) AS share_brighter_than_known,
       round(CAST(sum(fainter) AS double) / max(total), 4) AS share_fainter_than_known,
       round(CAST(sum(outshining) AS double) / max(total), 4) AS share_outshining_host
FROM ranked
GROUP BY host_r_from
ORDER BY host_r_from
