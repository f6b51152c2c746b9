update dirty_verdict set due_at = %(due)s where school_id = %(school_id)s and month = %(month)s
