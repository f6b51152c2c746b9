-- What was last told of each month of schools' lines.
select distinct on (school_id, line, operator, month) school_id as school, line, operator, month, kind, is_late
from notice_event
where school_id = any(%(schools)s) and kind like 'breach.%%'
order by school_id, line, operator, month, at desc, number desc
