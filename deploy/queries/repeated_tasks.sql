-- Which tasks stand more than once? The first 100; provenance says where each stands.
-- tables: stamp_index
SELECT task_id, count(*) AS times
FROM stamp_index
GROUP BY task_id
HAVING count(*) > 1
ORDER BY times DESC, task_id
LIMIT 100
