-- How bright are hosts, sources and added light in r? Percentiles to 0.01 mag, by quantity, label and split.
-- tables: stamp_index
-- figure: ranges quantity label split | p10 median p90
WITH binned AS (
    SELECT 'host' AS quantity, label, split, floor(100 * mag_raw_r) AS bin, count(*) AS n
    FROM stamp_index
    WHERE reasons = 0 AND mag_raw_r IS NOT NULL
    GROUP BY label, split, floor(100 * mag_raw_r)
    UNION ALL
    SELECT 'source' AS quantity, label, split, floor(100 * source_mag_r) AS bin, count(*) AS n
    FROM stamp_index
    WHERE reasons = 0 AND source_mag_r IS NOT NULL
    GROUP BY label, split, floor(100 * source_mag_r)
    UNION ALL
    SELECT 'added light' AS quantity, label, split, floor(100 * injected_mag_r) AS bin, count(*) AS n
    FROM stamp_index
    WHERE reasons = 0 AND injected_mag_r IS NOT NULL
    GROUP BY label, split, floor(100 * injected_mag_r)
),
ranked AS (
    SELECT quantity, label, split, bin,
           sum(n) OVER (PARTITION BY quantity, label, split ORDER BY bin) AS up_to,
           sum(n) OVER (PARTITION BY quantity, label, split) AS total
    FROM binned
)
SELECT quantity, label, split, max(total) AS stamps,
       round((min(CASE WHEN 100 * up_to >= total THEN bin END) + 0.5) / 100, 3) AS p01,
       round((min(CASE WHEN 10 * up_to >= total THEN bin END) + 0.5) / 100, 3) AS p10,
       round((min(CASE WHEN 2 * up_to >= total THEN bin END) + 0.5) / 100, 3) AS median,
       round((min(CASE WHEN 10 * up_to >= 9 * total THEN bin END) + 0.5) / 100, 3) AS p90,
       round((min(CASE WHEN 100 * up_to >= 99 * total THEN bin END) + 0.5) / 100, 3) AS p99
FROM ranked
GROUP BY quantity, label, split
ORDER BY quantity, label, split
