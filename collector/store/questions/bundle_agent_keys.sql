-- What was recorded of computers' keys until a moment.
select agent_id, body from agent_key
where school_id = %(school_id)s and agent_id = any(%(agents)s) and recorded_at <= %(known_at)s
order by agent_id, number
