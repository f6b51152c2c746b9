-- A report that comes late says nothing of the agent's newest.
with seen as materialized (
    select * from unnest(
        %(school_id)s, %(agent_id)s, %(sequence)s, %(payload_sha256)s, %(software)s, %(received_at)s
    ) as one (school_id, agent_id, sequence, payload_sha256, software, received_at)
)
update agent
set last_seen_at = greatest(last_seen_at, seen.received_at),
    software = case when seen.sequence > highest_sequence then seen.software else agent.software end,
    head_sha256 = case when seen.sequence > highest_sequence then seen.payload_sha256 else head_sha256 end,
    highest_sequence = greatest(highest_sequence, seen.sequence)
from seen
where agent.school_id = seen.school_id and agent.agent_id = seen.agent_id
