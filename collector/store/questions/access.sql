select name, role, scope, rights, created_at, expires_at, revoked_at, last_used_at
from access_token where token_sha256 = %(token_sha256)s
