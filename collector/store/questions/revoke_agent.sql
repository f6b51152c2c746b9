update agent set revoked_at = now() where agent_id = %(agent_id)s and revoked_at is null
