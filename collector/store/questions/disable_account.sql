update account set disabled_at = %(now)s where name = %(name)s and disabled_at is null
