update account set totp_pending = %(secret)s where name = %(name)s and issuer is null
