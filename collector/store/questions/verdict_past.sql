-- How the newest verdicts on a line's earlier months came out.
select distinct on (month) body
from verdict
where school_id = %(school_id)s and line = %(line)s and operator = %(operator)s and version > 0
    and month >= %(first)s and month < %(month)s
order by month, version desc
