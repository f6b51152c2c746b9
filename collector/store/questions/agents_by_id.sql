select agent.school_id, agent_id, public_key, token_sha256, room, revoked_at, highest_sequence, head_sha256, region_id,
    operator, synthetic
from agent
join school on school.school_id = agent.school_id
where agent.school_id = any(%(school_ids)s) and agent_id = any(%(agent_ids)s)
order by agent_id, enrolled_at desc
