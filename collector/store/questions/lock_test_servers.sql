-- Always in one order, so that no two wait for each other.
select server from test_server where server = any(%(servers)s) order by server for update
