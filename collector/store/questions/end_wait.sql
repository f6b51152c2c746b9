delete from login_wait where kind = %(kind)s and key_sha256 = %(key_sha256)s
