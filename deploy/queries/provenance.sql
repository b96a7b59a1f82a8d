-- Where does this stamp come from: recipe, code, seed, file and row?
-- tables: stamp_index, runs
-- asks: the task_id
SELECT s.task_id, s.run, r.job, r.recipe_name, s.recipe_hash, r.recipe_hash AS recorded_recipe_hash, s.run_seed,
       r.run_seed AS recorded_seed, r.code_version, r.finished_utc, s.split, s.kind, s.host_id, s.brickname, s.pair_id,
       s.configuration, s.replicate, s.reasons, s.file, s."row"
FROM stamp_index AS s
LEFT JOIN runs AS r ON s.run = r.run
WHERE s.task_id = ?
ORDER BY s.run
