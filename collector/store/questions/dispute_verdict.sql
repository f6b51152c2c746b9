-- A version of a verdict, when it was made, and whether it is the newest.
select state, judged_at, version = (
    select max(version) from verdict
    where school_id = %(school_id)s and line = %(line)s and month = %(month)s and operator = %(operator)s
)
from verdict
where school_id = %(school_id)s and line = %(line)s and month = %(month)s and operator = %(operator)s
    and version = %(version)s
