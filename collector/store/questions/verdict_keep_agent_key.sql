insert into agent_key (school_id, agent_id, number, recorded_at, body, sha256)
select %(school_id)s::text, %(agent_id)s::text, count(*) + 1, %(recorded_at)s::timestamptz, %(body)s::bytea,
    %(sha256)s::bytea
from agent_key where school_id = %(school_id)s and agent_id = %(agent_id)s
