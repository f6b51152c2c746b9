-- The role is told anew with every login: what the country's own login takes away is gone here too.
insert into account (name, full_name, role, scope, issuer, subject, last_login_at)
values (%(name)s, %(full_name)s, %(role)s, %(scope)s, %(issuer)s, %(subject)s, %(now)s)
on conflict (name) do update
set full_name = excluded.full_name, role = excluded.role, scope = excluded.scope, last_login_at = excluded.last_login_at
