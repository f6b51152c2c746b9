-- What computers of a scope are asked and have not done, the newest first.
select test_order.school_id, agent_id, order_id, kind, members, author, at, until
from test_order
where done_at is null and until > %(now)s
    and (%(region_id)s = '' or region_id = %(region_id)s)
    and (%(school_id)s = '' or school_id = %(school_id)s)
order by at desc, school_id, agent_id
limit %(most)s
