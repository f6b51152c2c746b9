-- Keys in service whose machine has one of these hints, and when each was last known to be there.
select agent_id, room, greatest(last_seen_at, enrolled_at) as alive_at
from agent
where school_id = %(school_id)s and machine && %(machine)s::text[] and agent_id <> %(agent_id)s
    and ended_at is null and revoked_at is null
order by agent_id
