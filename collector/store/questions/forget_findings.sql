delete from school_finding where school_id = %(school_id)s and period = %(period)s
