delete from login_session where session_sha256 = %(session_sha256)s returning name
