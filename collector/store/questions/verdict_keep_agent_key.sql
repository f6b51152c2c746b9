insert into agent_key (school_id, agent_id, number, recorded_at, body, sha256)
values (
    %(school_id)s, %(agent_id)s,
    (select count(*) + 1 from agent_key where school_id = %(school_id)s and agent_id = %(agent_id)s),
    %(recorded_at)s, %(body)s, %(sha256)s
)
