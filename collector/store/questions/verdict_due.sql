select school_id, month, marked_at from dirty_verdict where due_at <= %(now)s order by due_at, school_id limit %(limit)s
