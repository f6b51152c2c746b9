select school_id, agent_id from agent_place where agent_id = any(%(agent_ids)s) order by agent_id, school_id
