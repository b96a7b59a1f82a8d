-- Are there rows of another recipe or seed than the record of their run says?
-- tables: stamp_index, runs
SELECT s.run, s.recipe_hash, s.run_seed, s.n, r.recipe_name, r.recipe_hash AS recorded_recipe_hash, r.run_seed AS recorded_seed,
       CASE WHEN s.recipe_hash = r.recipe_hash AND s.run_seed = r.run_seed THEN 'as recorded' ELSE 'ANOTHER' END AS verdict,
       s.example
FROM (
    SELECT run, recipe_hash, run_seed, count(*) AS n, min(task_id) AS example
    FROM stamp_index
    GROUP BY run, recipe_hash, run_seed
) AS s
LEFT JOIN runs AS r ON s.run = r.run
ORDER BY verdict, s.n DESC, s.recipe_hash
