insert into agent (school_id, agent_id, public_key, token_sha256, room, software)
values (%(school_id)s, %(agent_id)s, %(public_key)s, %(token_sha256)s, %(room)s, %(software)s)
on conflict (school_id, agent_id) do update
set room = coalesce(excluded.room, agent.room), software = excluded.software, token_sha256 = excluded.token_sha256
