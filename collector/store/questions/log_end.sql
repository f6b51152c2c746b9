update log set ended_at = %(ended_at)s, reason = %(reason)s where number = %(number)s
