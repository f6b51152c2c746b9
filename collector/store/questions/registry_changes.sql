-- The registry says something else of these schools: their days since then are judged anew, and the newest day before, so
-- that the period it lies in is. Where an operator was named for the first time (named), earlier tests became its own.
with changed as materialized (
    select distinct school_id, day from school_day
    where school_id = any(%(schools)s) and (day >= %(since)s or school_id = any(%(named)s))
    union
    select school_id, max(day) from school_day
    where school_id = any(%(schools)s) and day < %(since)s
    group by school_id
)
insert into dirty_day (school_id, day)
select school_id, day from changed
on conflict do nothing
