delete from login_session where name = %(name)s
