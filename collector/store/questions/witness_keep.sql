insert into witness (name, key, added_at) values (%(name)s, %(key)s, %(at)s)
