select exists (select 1 from dirty_verdict where month = %(month)s and due_at <= %(now)s)
