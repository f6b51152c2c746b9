select server, count(*), coalesce(sum(reserved_bps), 0)
from server_load
where server = any(%(servers)s)
group by server
