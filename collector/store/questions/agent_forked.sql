update agent set forked_from = least(forked_from, %(sequence)s)
where school_id = %(school_id)s and agent_id = %(agent_id)s
