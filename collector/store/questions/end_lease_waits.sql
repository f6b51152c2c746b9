-- Those that got what they waited for, and those that never came back.
delete from lease_wait
where school_id = %(school_id)s and (agent_id = any(%(agents)s) or due_at < %(gone)s)
