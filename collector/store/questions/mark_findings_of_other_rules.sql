insert into finding_due (school_id, period, since, marked_at)
select distinct school_id, period, now(), now()
from school_finding
where period = any(%(periods)s) and rules_version <> %(rules_version)s
order by school_id, period
on conflict (school_id, period) do nothing
