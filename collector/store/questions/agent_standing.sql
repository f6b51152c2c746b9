select succeeds, ended_at, ended_by from agent where school_id = %(school_id)s and agent_id = %(agent_id)s
