-- Which columns hold nulls that the contract does not allow?
-- tables: stamp_index
-- Written from the contract stamp_index 1.1 by: python -m spark_jobs.transforms.audits.table_texts
WITH c AS (
    SELECT count(*) AS total,
           count(*) - count("task_id") AS "n_task_id",
           count(*) - count("host_id") AS "n_host_id",
           count(*) - count("cell") AS "n_cell",
           count(*) - count("shard") AS "n_shard",
           count(*) - count("split") AS "n_split",
           count(*) - count("kind") AS "n_kind",
           count(*) - count("label") AS "n_label",
           count(*) - count("configuration") AS "n_configuration",
           count(*) - count("replicate") AS "n_replicate",
           count(*) - count("recipe_hash") AS "n_recipe_hash",
           count(*) - count("run_seed") AS "n_run_seed",
           count(*) - count("ra_deg") AS "n_ra_deg",
           count(*) - count("dec_deg") AS "n_dec_deg",
           count(*) - count("brickname") AS "n_brickname",
           count(*) - count("reasons") AS "n_reasons",
           count(*) - count("file") AS "n_file",
           count(*) - count("row") AS "n_row"
    FROM stamp_index
),
counted AS (
    SELECT r.column_name, c.total,
           CASE r.column_name
           WHEN 'task_id' THEN c."n_task_id"
           WHEN 'host_id' THEN c."n_host_id"
           WHEN 'cell' THEN c."n_cell"
           WHEN 'shard' THEN c."n_shard"
           WHEN 'split' THEN c."n_split"
           WHEN 'kind' THEN c."n_kind"
           WHEN 'label' THEN c."n_label"
           WHEN 'configuration' THEN c."n_configuration"
           WHEN 'replicate' THEN c."n_replicate"
           WHEN 'recipe_hash' THEN c."n_recipe_hash"
           WHEN 'run_seed' THEN c."n_run_seed"
           WHEN 'ra_deg' THEN c."n_ra_deg"
           WHEN 'dec_deg' THEN c."n_dec_deg"
           WHEN 'brickname' THEN c."n_brickname"
           WHEN 'reasons' THEN c."n_reasons"
           WHEN 'file' THEN c."n_file"
           WHEN 'row' THEN c."n_row"
           END AS breaches
    FROM c
    CROSS JOIN (VALUES
    ('task_id'),
    ('host_id'),
    ('cell'),
    ('shard'),
    ('split'),
    ('kind'),
    ('label'),
    ('configuration'),
    ('replicate'),
    ('recipe_hash'),
    ('run_seed'),
    ('ra_deg'),
    ('dec_deg'),
    ('brickname'),
    ('reasons'),
    ('file'),
    ('row')
    ) AS r (column_name)
)
SELECT column_name, breaches, total
FROM counted
WHERE breaches > 0
ORDER BY breaches DESC, column_name
