insert into login_session (session_sha256, name, stage, begun_at, seen_at, ends_at)
values (%(session_sha256)s, %(name)s, %(stage)s, %(now)s, %(now)s, %(ends_at)s)
