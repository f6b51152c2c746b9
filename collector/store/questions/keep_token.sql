insert into enrollment_token (token_sha256, school_id, uses, expires_at)
values (%(token_sha256)s, %(school_id)s, %(uses)s, %(expires_at)s)
