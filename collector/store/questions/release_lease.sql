update lease
set released_at = %(now)s
where school_id = %(school_id)s and lease_id = %(lease_id)s and agent_id = %(agent_id)s and released_at is null
returning server
