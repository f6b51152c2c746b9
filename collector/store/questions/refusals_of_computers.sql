select asked.school_id, asked.agent_id, boot_id, first_at, last_at, refused
from unnest(%(schools)s::text[], %(agents)s::text[]) as asked (school_id, agent_id)
join agent_conflict on agent_conflict.school_id = asked.school_id and agent_conflict.agent_id = asked.agent_id
