delete from finding_due where school_id = %(school_id)s and period = %(period)s
