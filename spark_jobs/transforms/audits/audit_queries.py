"""The questions of an audit as SQL over three views; none of them reads a blob.

Views: ``stamps`` (the stamps contract without its blob, with ``file``, the path relative to the directory, and ``row``, the
number of the row in that file), ``stamp_index`` (the index contract), ``tasks`` (the plan's, where one was given).
Plain SQL that DuckDB and Trino both run, but for the quantiles, which Trino calls approx_percentile.
"""

from __future__ import annotations

COUNTS = """
SELECT split, kind,
       sum(CASE WHEN reasons = 0 THEN 1 ELSE 0 END) AS made,
       sum(CASE WHEN reasons = 0 THEN 0 ELSE 1 END) AS refused,
       count(DISTINCT host_id) AS hosts
FROM stamps
GROUP BY split, kind
ORDER BY CASE split WHEN 'train' THEN 0 WHEN 'val' THEN 1 WHEN 'test' THEN 2 ELSE 3 END, split, kind DESC
"""

REFUSALS = """
SELECT reasons, count(*) AS n
FROM stamps
WHERE reasons <> 0
GROUP BY reasons
ORDER BY n DESC, reasons
"""

DUPLICATE_TASKS = """
SELECT task_id, count(*) AS n
FROM stamps
GROUP BY task_id
HAVING count(*) > 1
ORDER BY task_id
"""

BROKEN_PAIRS = """
SELECT pair_id,
       sum(CASE WHEN label = 1 THEN 1 ELSE 0 END) AS lenses,
       sum(CASE WHEN label = 1 THEN 0 ELSE 1 END) AS controls,
       sum(CASE WHEN reasons = 0 THEN 1 ELSE 0 END) AS made,
       sum(CASE WHEN reasons = 0 THEN 0 ELSE 1 END) AS refused,
       count(DISTINCT host_id) AS hosts
FROM stamps
WHERE pair_id IS NOT NULL
GROUP BY pair_id
HAVING sum(CASE WHEN label = 1 THEN 1 ELSE 0 END) <> 1
    OR sum(CASE WHEN label = 1 THEN 0 ELSE 1 END) = 0
    OR sum(CASE WHEN reasons = 0 THEN 1 ELSE 0 END) NOT IN (0, count(*))
    OR count(DISTINCT host_id) <> 1
ORDER BY pair_id
"""

PAIR_COUNT = "SELECT count(DISTINCT pair_id) FROM stamps"

GROUPS_IN_SEVERAL_SPLITS = """
SELECT {group} AS name, count(DISTINCT split) AS splits
FROM stamps
WHERE {group} IS NOT NULL
GROUP BY {group}
HAVING count(DISTINCT split) > 1
ORDER BY {group}
"""

GROUP_COUNT = "SELECT count(DISTINCT {group}) FROM stamps"

LABELS_AGAINST_KINDS = """
SELECT kind, label, count(*) AS n, min(task_id) AS example
FROM stamps
WHERE (kind = 'lens' AND label <> 1) OR (kind <> 'lens' AND label <> 0)
GROUP BY kind, label
ORDER BY kind, label
"""

ADDED_LIGHT = """
SELECT count(*) FILTER (WHERE kind = 'lens'), count(*) FILTER (WHERE kind NOT IN ('lens', 'control'))
FROM stamps
WHERE reasons = 0
"""

NEGATIVES_WITHOUT_PROPERTY = """
SELECT task_id
FROM stamps
WHERE kind NOT IN ('lens', 'control') AND reasons = 0 AND (non_lens_property IS NULL OR non_lens_property = '')
ORDER BY task_id
"""

NEGATIVE_IN_R = "kind NOT IN ('lens', 'control', 'trail')"
"""A trail lies in one band, which may be another."""

QUARTILES = """
SELECT count({column}), quantile_cont({column}, 0.5), quantile_cont({column}, 0.75) - quantile_cont({column}, 0.25)
FROM (SELECT *, CASE WHEN arc_snr > 0 THEN log10(arc_snr) END AS log_arc_snr FROM stamps)
WHERE reasons = 0 AND {which}
"""

WRONG_FOLDER = """
SELECT file, split, count(*) AS n
FROM stamps
WHERE split NOT IN ('train', 'val', 'test') OR file NOT LIKE 'split=' || split || '/%'
GROUP BY file, split
ORDER BY file, split
"""

ORIGINS_OF_ROWS = """
SELECT recipe_hash, run_seed, count(*) AS n
FROM stamps
GROUP BY recipe_hash, run_seed
ORDER BY n DESC, recipe_hash
"""

PLAN_TOTALS = """
SELECT (SELECT count(*) FROM tasks),
       (SELECT count(*) FROM stamps),
       (SELECT count(*) FROM stamps WHERE reasons = 0)
"""

TASKS_WITHOUT_ROW = """
SELECT t.task_id
FROM tasks AS t LEFT JOIN stamps AS s ON t.task_id = s.task_id
WHERE s.task_id IS NULL
ORDER BY t.task_id
"""

ROWS_WITHOUT_TASK = """
SELECT s.task_id
FROM stamps AS s LEFT JOIN tasks AS t ON s.task_id = t.task_id
WHERE t.task_id IS NULL
ORDER BY s.task_id
"""

ROWS_THAT_DIFFER_FROM_THE_PLAN = """
SELECT s.task_id
FROM stamps AS s JOIN tasks AS t ON s.task_id = t.task_id
WHERE {difference}
ORDER BY s.task_id
"""

REPEATED_PIXELS = """
SELECT digest, min(task_id) AS example, count(*) AS n,
       count(DISTINCT host_id) AS hosts, count(DISTINCT split) AS splits,
       sum(CASE WHEN kind = 'control' THEN 0 ELSE 1 END) AS not_controls
FROM pixels
GROUP BY digest
HAVING count(*) > 1
ORDER BY min(task_id)
"""
