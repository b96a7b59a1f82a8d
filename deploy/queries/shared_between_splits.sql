-- Does any host, sky cell or source template stand in more than one split? A recipe that splits by task_id shares by design.
-- tables: stamp_index, runs
-- figure: bars run what | in_several_splits
WITH hosts AS (
    SELECT run, host_id AS name, CASE WHEN min(split) = max(split) THEN 1 ELSE 2 END AS splits, count(*) AS n FROM stamp_index GROUP BY run, host_id
),
cells AS (
    SELECT run, cell AS name, CASE WHEN min(split) = max(split) THEN 1 ELSE 2 END AS splits, count(*) AS n FROM stamp_index GROUP BY run, cell
),
templates AS (
    SELECT run, template_id AS name, CASE WHEN min(split) = max(split) THEN 1 ELSE 2 END AS splits, count(*) AS n
    FROM stamp_index
    WHERE template_id IS NOT NULL
    GROUP BY run, template_id
),
counted AS (
    SELECT run, 'host' AS what, count(*) AS there,
           sum(CASE WHEN splits > 1 THEN 1 ELSE 0 END) AS in_several_splits,
           sum(CASE WHEN splits > 1 THEN n ELSE 0 END) AS rows_of_them,
           min(CASE WHEN splits > 1 THEN name END) AS example
    FROM hosts
    GROUP BY run
    UNION ALL
    SELECT run, 'sky cell' AS what, count(*) AS there,
           sum(CASE WHEN splits > 1 THEN 1 ELSE 0 END) AS in_several_splits,
           sum(CASE WHEN splits > 1 THEN n ELSE 0 END) AS rows_of_them,
           CAST(min(CASE WHEN splits > 1 THEN name END) AS varchar) AS example
    FROM cells
    GROUP BY run
    UNION ALL
    SELECT run, 'source template' AS what, count(*) AS there,
           sum(CASE WHEN splits > 1 THEN 1 ELSE 0 END) AS in_several_splits,
           sum(CASE WHEN splits > 1 THEN n ELSE 0 END) AS rows_of_them,
           min(CASE WHEN splits > 1 THEN name END) AS example
    FROM templates
    GROUP BY run
)
SELECT c.run, c.what, c.there, c.in_several_splits, c.rows_of_them, c.example, r.split_key
FROM counted AS c
LEFT JOIN runs AS r ON c.run = r.run
ORDER BY c.run, c.what
