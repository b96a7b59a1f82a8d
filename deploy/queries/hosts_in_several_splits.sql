-- Which hosts stand in more than one split? The 100 with the most rows.
-- tables: stamp_index
SELECT run, host_id, count(*) AS n,
       sum(CASE WHEN split = 'train' THEN 1 ELSE 0 END) AS in_train,
       sum(CASE WHEN split = 'val' THEN 1 ELSE 0 END) AS in_val,
       sum(CASE WHEN split = 'test' THEN 1 ELSE 0 END) AS in_test
FROM stamp_index
GROUP BY run, host_id
HAVING min(split) <> max(split)
ORDER BY n DESC, run, host_id
LIMIT 100
