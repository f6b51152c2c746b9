select pg_advisory_xact_lock(hashtextextended(%(agent_id)s, 0))
