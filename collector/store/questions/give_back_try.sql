update login_wait set failures = greatest(failures - 1, 0), until = %(now)s
where kind = %(kind)s and key_sha256 = %(key_sha256)s
