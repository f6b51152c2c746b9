update agent set succeeds = %(succeeds)s, computer_id = %(computer_id)s
where school_id = %(school_id)s and agent_id = %(agent_id)s
