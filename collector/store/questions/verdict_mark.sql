-- A school's months in which a line of it may have to be judged again; only where there is anything to judge by. One that
-- waits already goes on waiting, unless this one is due before it.
with asked as materialized (
    select * from unnest(%(schools)s::text[], %(months)s::text[]) as one (school_id, month)
),
contracted as materialized (
    select distinct school_id from contract where school_id = any(%(schools)s)
)
insert into dirty_verdict as known (school_id, month, marked_at, due_at)
select asked.school_id, asked.month, %(now)s, %(due)s
from asked join contracted on contracted.school_id = asked.school_id
on conflict (school_id, month) do update
    set marked_at = greatest(known.marked_at, excluded.marked_at), due_at = least(known.due_at, excluded.due_at)
