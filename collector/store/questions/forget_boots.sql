delete from agent_boot where last_at < %(before)s
