-- End what was asked of computers of a scope, or of those that are named.
update test_order
set done_at = %(now)s
from school
where school.school_id = test_order.school_id and done_at is null and until > %(now)s
    and (%(region_id)s = '' or school.region_id = %(region_id)s)
    and (%(school_id)s = '' or school.school_id = %(school_id)s)
    and (%(agents)s::text[] is null or agent_id = any(%(agents)s))
    and (kind = 'pause') = %(pauses)s
