select region_id, uses, used, expires_at from region_token where token_sha256 = %(token_sha256)s for update
