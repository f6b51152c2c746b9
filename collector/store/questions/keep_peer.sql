-- One row for each computer. An older report that comes late changes nothing.
insert into peer (school_id, agent_id, address, port, seen_at)
select * from unnest(%(school_id)s, %(agent_id)s, %(address)s, %(port)s, %(seen_at)s)
on conflict (school_id, agent_id) do update
set address = excluded.address, port = excluded.port, seen_at = excluded.seen_at
where peer.seen_at <= excluded.seen_at
