-- How many tasks were planned, and how many of them were made, refused or lost, by split and kind?
-- tables: stamp_index, tasks
-- figure: bars split kind | planned made refused lost
SELECT coalesce(p.split, s.split) AS split,
       coalesce(p.kind, s.kind) AS kind,
       coalesce(p.planned, 0) AS planned,
       coalesce(s.made, 0) AS made,
       coalesce(s.refused, 0) AS refused,
       coalesce(p.planned, 0) - coalesce(s.made, 0) - coalesce(s.refused, 0) AS lost
FROM (SELECT split, kind, count(*) AS planned FROM tasks GROUP BY split, kind) AS p
FULL JOIN (
    SELECT split, kind,
           sum(CASE WHEN reasons = 0 THEN 1 ELSE 0 END) AS made,
           sum(CASE WHEN reasons = 0 THEN 0 ELSE 1 END) AS refused
    FROM stamp_index
    GROUP BY split, kind
) AS s ON p.split = s.split AND p.kind = s.kind
ORDER BY split, kind
