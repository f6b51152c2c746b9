insert into computer_health as known (
    school_id, agent_id, region_id, state, days, room, software, last_seen_at, enrolled_at, synthetic
)
values (
    %(school_id)s, %(agent_id)s, %(region_id)s, %(state)s, %(days)s, %(room)s, %(software)s, %(last_seen_at)s,
    %(enrolled_at)s, %(synthetic)s
)
on conflict (school_id, agent_id) do update
set region_id = excluded.region_id, state = excluded.state, days = excluded.days, room = excluded.room,
    software = excluded.software, last_seen_at = excluded.last_seen_at, enrolled_at = excluded.enrolled_at,
    synthetic = excluded.synthetic
