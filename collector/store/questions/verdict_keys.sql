-- Computers' keys; a fork behind the report with the number that is asked for says nothing of what is before.
with asked as materialized (
    select * from unnest(%(agents)s::text[], %(sequences)s::bigint[]) as one (agent_id, newest)
)
select agent.agent_id, public_key, case when forked_from <= newest then forked_from end
from asked
join agent on agent.school_id = %(school_id)s and agent.agent_id = asked.agent_id
order by agent.agent_id
