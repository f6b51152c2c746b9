-- Who waits at a school, with what a person or the diagnosis asked of it.
select lease_wait.agent_id, lease_id, since, due_at, seconds, order_id, kind, members
from lease_wait
left join test_order on test_order.school_id = lease_wait.school_id and test_order.agent_id = lease_wait.agent_id
    and done_at is null and kind <> 'pause' and until > %(now)s
where lease_wait.school_id = %(school_id)s
