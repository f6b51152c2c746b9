select exists (select from dirty_verdict where month = %(month)s)
