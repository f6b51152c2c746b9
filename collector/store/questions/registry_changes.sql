-- The registry says something else of these schools: their days since then are judged anew, and the newest day before, so
-- that the period it lies in is. Where an operator was named for the first time (named), earlier tests became its own.
insert into dirty_day (school_id, day)
select distinct school_id, day from school_day
where school_id = any(%(schools)s) and (day >= %(since)s or school_id = any(%(named)s))
union
select school_id, max(day) from school_day
where school_id = any(%(schools)s) and day < %(since)s
group by school_id
on conflict do nothing
