insert into access_token (token_sha256, name, role, scope, rights, expires_at)
values (%(token_sha256)s, %(name)s, %(role)s, %(scope)s, %(rights)s, %(expires_at)s)
