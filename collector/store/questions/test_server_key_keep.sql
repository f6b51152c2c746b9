insert into test_server_key (key_id, number, url, body)
select %(key_id)s, coalesce(max(number), 0) + 1, %(url)s, %(body)s
from test_server_key
where key_id = %(key_id)s
returning number
