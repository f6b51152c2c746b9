with asked as materialized (
    select * from unnest(%(school_ids)s::text[], %(agent_ids)s::text[]) as one (school_id, agent_id)
)
select agent.school_id, agent.agent_id, public_key, token_sha256, room, revoked_at, ended_at, highest_sequence, head_sha256,
    region_id, operator, synthetic
from asked
join agent on agent.school_id = asked.school_id and agent.agent_id = asked.agent_id
join school on school.school_id = agent.school_id
order by agent.agent_id, enrolled_at desc
