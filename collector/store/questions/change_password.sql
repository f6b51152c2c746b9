update account set password_hash = %(password_hash)s, password_set_at = %(now)s, must_change = %(must_change)s
where name = %(name)s and issuer is null
