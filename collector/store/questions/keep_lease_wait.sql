insert into lease_wait (school_id, agent_id, lease_id, since, due_at, seconds)
values (%(school_id)s, %(agent_id)s, %(lease_id)s, %(since)s, %(due_at)s, %(seconds)s)
on conflict (school_id, agent_id) do update
set lease_id = excluded.lease_id, since = excluded.since, due_at = excluded.due_at, seconds = excluded.seconds
