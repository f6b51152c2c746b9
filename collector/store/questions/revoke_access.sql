update access_token set revoked_at = now() where name = %(name)s and revoked_at is null
