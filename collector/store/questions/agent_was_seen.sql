update agent
set last_seen_at = greatest(last_seen_at, %(received_at)s), software = %(software)s
where school_id = %(school_id)s and agent_id = %(agent_id)s
