-- All that was recorded of servers' keys, the oldest first; of some keys, or of all.
select key_id, number, body
from test_server_key
where %(keys)s::text[] is null or key_id = any(%(keys)s::text[])
order by key_id, number
