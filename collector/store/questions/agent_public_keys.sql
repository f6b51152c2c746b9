select agent_id, public_key from agent where school_id = %(school_id)s and agent_id = any(%(agent_ids)s)
