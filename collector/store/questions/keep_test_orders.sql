-- A row for each computer in service of the schools in the scope, or for those that are named. What these computers were
-- asked before and have not done is done with.
with wanted as (
    select agent.school_id, agent.agent_id, school.region_id
    from agent
    join school on school.school_id = agent.school_id
    where agent.revoked_at is null and agent.ended_at is null
        and (%(region_id)s = '' or school.region_id = %(region_id)s)
        and (%(school_id)s = '' or school.school_id = %(school_id)s)
        and (%(agents)s::text[] is null or agent.agent_id = any(%(agents)s))
), ended as (
    update test_order
    set done_at = %(now)s
    from wanted
    where test_order.school_id = wanted.school_id and test_order.agent_id = wanted.agent_id
        and test_order.done_at is null and (test_order.kind = 'pause') = (%(kind)s = 'pause')
)
insert into test_order (school_id, agent_id, order_id, kind, members, author, at, until, region_id)
select school_id, agent_id, %(order_id)s, %(kind)s, count(*) over (), %(author)s, %(now)s, %(until)s, region_id
from wanted
returning agent_id
