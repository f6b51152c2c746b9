delete from server_load where server = any(%(servers)s) and ends_at <= %(now)s
