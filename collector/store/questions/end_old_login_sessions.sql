delete from login_session where ends_at < %(now)s
