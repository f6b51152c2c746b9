insert into dirty_day (school_id, day)
select distinct school_id, day from school_day where school_id = any(%(schools)s)
on conflict do nothing
