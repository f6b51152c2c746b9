select count(*) from login_session
where name = %(name)s and stage = 'whole' and ends_at > %(now)s and seen_at > %(idle_since)s
