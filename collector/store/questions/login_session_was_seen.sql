update login_session set seen_at = %(now)s
where session_sha256 = %(session_sha256)s and seen_at < %(now)s - interval '1 minute'
