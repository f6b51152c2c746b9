update finding_due set not_before = now() + interval '1 hour' where school_id = %(school_id)s and period = %(period)s
