update account set totp_secret = totp_pending, totp_pending = null, totp_step = %(step)s
where name = %(name)s and totp_pending is not null
