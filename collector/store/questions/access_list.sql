select name, role, scope, rights, created_at, expires_at, revoked_at, last_used_at
from access_token order by name, created_at
