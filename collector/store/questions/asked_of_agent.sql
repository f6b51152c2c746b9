-- What was asked of a computer and is not done: tests, and whether its own are paused.
select order_id, kind, members
from test_order
where school_id = %(school_id)s and agent_id = %(agent_id)s and done_at is null and until > %(now)s
order by at desc
