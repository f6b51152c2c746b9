-- A code is good once: a step that was used, or one before it, changes no row.
update account set totp_step = %(step)s where name = %(name)s and (totp_step is null or totp_step < %(step)s)
