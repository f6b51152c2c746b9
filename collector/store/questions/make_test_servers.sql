insert into test_server (server) select unnest(%(servers)s::text[]) on conflict do nothing
