insert into audit_entry (at, who, role, scope, address, what, about, detail)
values (%(at)s, %(who)s, %(role)s, %(scope)s, %(address)s, %(what)s, %(about)s, %(detail)s)
