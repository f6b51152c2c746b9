select distinct month from verdict
where school_id = %(school_id)s and line = %(line)s and operator = %(operator)s and month > %(month)s and month <= %(last)s
order by month
