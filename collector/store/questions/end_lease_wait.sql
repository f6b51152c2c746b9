delete from lease_wait
where school_id = %(school_id)s and agent_id = %(agent_id)s and lease_id = %(lease_id)s
