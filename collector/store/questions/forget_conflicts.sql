delete from agent_conflict where last_at < %(before)s
