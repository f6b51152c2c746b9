update account set last_login_at = %(now)s where name = %(name)s
