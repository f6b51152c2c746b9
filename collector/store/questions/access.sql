select name, role, scope, expires_at, revoked_at from access_token where token_sha256 = %(token_sha256)s
