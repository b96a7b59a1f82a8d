-- In which bricks were most rows refused, and why? The 100 with the most, a row a reason.
-- tables: stamp_index, reason_bits
-- figure: bars brickname reason | refused
SELECT s.brickname, b.name AS reason, sum(s.n) AS refused, max(t.in_brick) AS rows_of_brick,
       round(CAST(sum(s.n) AS double) / max(t.in_brick), 4) AS share
FROM (
    SELECT brickname, reasons, count(*) AS n
    FROM stamp_index
    WHERE reasons <> 0
    GROUP BY brickname, reasons
) AS s
JOIN reason_bits AS b ON mod(s.reasons, 2 * b.bit) >= b.bit
JOIN (SELECT brickname, count(*) AS in_brick FROM stamp_index GROUP BY brickname) AS t ON s.brickname = t.brickname
GROUP BY s.brickname, b.name
ORDER BY refused DESC, s.brickname, reason
LIMIT 100
