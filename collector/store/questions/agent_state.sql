-- What concerns an agent beside its reports; no row where it belongs to no school any more.
select agent.school_id,
    (select coalesce(max(number), 0) from policy_change) as policy_number,
    exists (
        select from test_order
        where test_order.school_id = agent.school_id and test_order.agent_id = agent.agent_id
            and done_at is null and kind = 'pause' and until > %(now)s
    ) as paused,
    exists (
        select from test_order
        where test_order.school_id = agent.school_id and test_order.agent_id = agent.agent_id
            and done_at is null and kind <> 'pause' and until > %(now)s
    ) as wanted
from agent
where agent_id = %(agent_id)s and revoked_at is null
order by enrolled_at desc
limit 1
