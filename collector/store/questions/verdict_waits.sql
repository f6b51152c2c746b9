select exists (select from dirty_verdict where month = %(month)s and due_at <= %(now)s)
