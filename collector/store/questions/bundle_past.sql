-- The verdicts on a line's earlier months as they stood when a later one was made: of those that were made at the very
-- same moment nobody knows which came first, so all of them, and the newest before; the newest first.
with known as (
    select month, version, body, judged_at, max(version) filter (where judged_at < %(known_at)s) over of_one as newest
    from verdict
    where school_id = %(school_id)s and line = %(line)s and operator = %(operator)s and month = any(%(months)s)
        and version > 0 and judged_at <= %(known_at)s
    window of_one as (partition by month)
)
select month, version, body from known
where judged_at = %(known_at)s or version = newest
order by month, version desc
