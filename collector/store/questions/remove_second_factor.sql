update account set totp_secret = null, totp_pending = null, totp_step = null where name = %(name)s
