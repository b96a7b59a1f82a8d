-- How clear are the arcs? Percentiles of the white matched-filter signal to noise in r, to 1 %, by kind and split.
-- tables: stamp_index
-- figure: ranges kind split | p10 median p90
WITH binned AS (
    SELECT kind, split, floor(100 * log10(arc_snr)) AS bin, count(*) AS n
    FROM stamp_index
    WHERE reasons = 0 AND arc_snr > 0
    GROUP BY kind, split, floor(100 * log10(arc_snr))
),
ranked AS (
    SELECT kind, split, bin,
           sum(n) OVER (PARTITION BY kind, split ORDER BY bin) AS up_to,
           sum(n) OVER (PARTITION BY kind, split) AS total
    FROM binned
)
SELECT kind, split, max(total) AS stamps,
       round(power(10, (min(CASE WHEN 100 * up_to >= total THEN bin END) + 0.5) / 100), 2) AS p01,
       round(power(10, (min(CASE WHEN 10 * up_to >= total THEN bin END) + 0.5) / 100), 2) AS p10,
       round(power(10, (min(CASE WHEN 2 * up_to >= total THEN bin END) + 0.5) / 100), 2) AS median,
       round(power(10, (min(CASE WHEN 10 * up_to >= 9 * total THEN bin END) + 0.5) / 100), 2) AS p90,
       round(power(10, (min(CASE WHEN 100 * up_to >= 99 * total THEN bin END) + 0.5) / 100), 2) AS p99
FROM ranked
GROUP BY kind, split
ORDER BY kind, split
