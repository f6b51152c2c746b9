select name, full_name, role, scope, issuer is null as local, totp_secret is not null as second_factor, must_change,
    created_at, last_login_at, disabled_at
from account order by name
