update witness set ended_at = %(at)s where name = %(name)s and ended_at is null
