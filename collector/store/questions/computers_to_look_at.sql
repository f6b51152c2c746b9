-- Whose boots or refusals are new since the last look, and those whose key is in question.
select school_id, agent_id from agent_boot where last_at > %(since)s
union
select school_id, agent_id from agent_conflict where last_at > %(since)s
union
select school_id, agent_id from computer_health where identity <> 'one' or refused > 0
