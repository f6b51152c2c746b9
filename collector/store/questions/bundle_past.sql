-- The verdicts on a line's earlier months as they stood when a later one was made.
select distinct on (month) month, version, body
from verdict
where school_id = %(school_id)s and line = %(line)s and operator = %(operator)s and month = any(%(months)s)
    and version > 0 and judged_at <= %(known_at)s
order by month, version desc
