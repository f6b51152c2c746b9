update verdict_month set closed_at = %(now)s where month = %(month)s
