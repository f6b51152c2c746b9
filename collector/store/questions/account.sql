select name, full_name, role, scope, password_hash, password_set_at, must_change, totp_secret, totp_pending,
    issuer, created_at, last_login_at, disabled_at
from account where name = %(name)s
