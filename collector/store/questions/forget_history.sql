delete from school_history where school_id = any(%(schools)s)
