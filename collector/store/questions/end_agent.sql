update agent set ended_at = coalesce(ended_at, %(now)s), ended_by = %(ended_by)s
where school_id = %(school_id)s and agent_id = %(agent_id)s and revoked_at is null
    and (ended_at is null or (ended_by <> 'succeeded' and %(ended_by)s = 'succeeded'))
returning coalesce(computer_id, agent_id)
