insert into finding_due (school_id, period, since, marked_at)
select school_id, period, clock_timestamp(), clock_timestamp()
from unnest(%(schools)s::text[], %(periods)s::text[]) as told (school_id, period)
order by school_id, period
on conflict (school_id, period) do update set marked_at = excluded.marked_at
