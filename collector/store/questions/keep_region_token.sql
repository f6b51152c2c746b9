insert into region_token (token_sha256, region_id, uses, expires_at)
values (%(token_sha256)s, %(region_id)s, %(uses)s, %(expires_at)s)
