-- How many rows were refused, and why, by kind and split? A row with two reasons counts under both.
-- tables: stamp_index, reason_bits
-- figure: bars reason kind split | refused
SELECT b.name AS reason, s.kind, s.split, sum(s.n) AS refused, b.meaning
FROM (SELECT reasons, kind, split, count(*) AS n FROM stamp_index WHERE reasons <> 0 GROUP BY reasons, kind, split) AS s
JOIN reason_bits AS b ON mod(s.reasons, 2 * b.bit) >= b.bit
GROUP BY b.name, s.kind, s.split, b.meaning
ORDER BY refused DESC, reason, kind, split
