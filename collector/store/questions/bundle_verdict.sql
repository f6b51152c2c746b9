select body, facts, judged_at, synthetic from verdict
where school_id = %(school_id)s and line = %(line)s and month = %(month)s and operator = %(operator)s
    and version = %(version)s
