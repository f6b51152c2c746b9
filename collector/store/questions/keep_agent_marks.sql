update agent
set machine = case when %(machine)s::text[] = '{}' then machine else %(machine)s::text[] end,
    recovery_sha256 = coalesce(%(recovery_sha256)s, recovery_sha256)
where school_id = %(school_id)s and agent_id = %(agent_id)s
