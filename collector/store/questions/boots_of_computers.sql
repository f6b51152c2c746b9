select asked.school_id, asked.agent_id, boot_id, first_sequence, last_sequence, first_at, last_at, went_back,
    extract(epoch from last_at - created_at)::double precision as delay_s, waiting, dropped
from unnest(%(schools)s::text[], %(agents)s::text[]) as asked (school_id, agent_id)
join agent_boot on agent_boot.school_id = asked.school_id and agent_boot.agent_id = asked.agent_id
order by asked.school_id, asked.agent_id, last_sequence
