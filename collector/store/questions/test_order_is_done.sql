update test_order
set done_at = %(now)s
where school_id = %(school_id)s and agent_id = any(%(agents)s) and done_at is null and kind <> 'pause'
