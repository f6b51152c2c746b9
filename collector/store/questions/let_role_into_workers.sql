-- Node 0 stands for all of them.
insert into pg_dist_authinfo (nodeid, rolename, authinfo)
values (0, %(role)s, %(secret)s)
on conflict (nodeid, rolename) do update set authinfo = excluded.authinfo
