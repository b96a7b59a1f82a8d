-- Is the arc resolved? Percentiles of the Einstein radius over the PSF width in r, to 0.01, by kind and split.
-- tables: stamp_index
-- figure: ranges kind split | p10 median p90
WITH binned AS (
    SELECT kind, split, floor(100 * theta_e_over_fwhm) AS bin, count(*) AS n
    FROM stamp_index
    WHERE reasons = 0 AND theta_e_over_fwhm IS NOT NULL
    GROUP BY kind, split, floor(100 * theta_e_over_fwhm)
),
ranked AS (
    SELECT kind, split, bin, n,
           sum(n) OVER (PARTITION BY kind, split ORDER BY bin) AS up_to,
           sum(n) OVER (PARTITION BY kind, split) AS total
    FROM binned
)
SELECT kind, split, max(total) AS stamps,
       round((min(CASE WHEN 100 * up_to >= total THEN bin END) + 0.5) / 100, 3) AS p01,
       round((min(CASE WHEN 10 * up_to >= total THEN bin END) + 0.5) / 100, 3) AS p10,
       round((min(CASE WHEN 2 * up_to >= total THEN bin END) + 0.5) / 100, 3) AS median,
       round((min(CASE WHEN 10 * up_to >= 9 * total THEN bin END) + 0.5) / 100, 3) AS p90,
       round((min(CASE WHEN 100 * up_to >= 99 * total THEN bin END) + 0.5) / 100, 3) AS p99,
       round(CAST(sum(CASE WHEN bin < 100 THEN n ELSE 0 END) AS double) / max(total), 4) AS share_below_one_fwhm
FROM ranked
GROUP BY kind, split
ORDER BY kind, split
