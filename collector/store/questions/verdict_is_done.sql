delete from dirty_verdict where school_id = %(school_id)s and month = %(month)s and marked_at = %(marked_at)s
