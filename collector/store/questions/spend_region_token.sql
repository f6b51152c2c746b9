update region_token set used = used + 1 where token_sha256 = %(token_sha256)s
