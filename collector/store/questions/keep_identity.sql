update computer_health
set identity = %(identity)s, refused = %(refused)s, delay_s = %(delay_s)s, waiting = %(waiting)s,
    dropped = %(dropped)s, is_delayed = %(is_delayed)s
where school_id = %(school_id)s and agent_id = %(agent_id)s
