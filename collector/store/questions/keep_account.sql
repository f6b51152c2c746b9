insert into account (name, full_name, role, scope, password_hash, password_set_at, must_change)
values (%(name)s, %(full_name)s, %(role)s, %(scope)s, %(password_hash)s, %(now)s, true)
on conflict (name) do nothing
