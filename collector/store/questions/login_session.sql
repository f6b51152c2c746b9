select account.name, full_name, role, scope, stage, issuer is null as local, totp_secret is not null as second_factor,
    begun_at, ends_at
from login_session join account on account.name = login_session.name
where session_sha256 = %(session_sha256)s and ends_at > %(now)s and seen_at > %(idle_since)s and disabled_at is null
