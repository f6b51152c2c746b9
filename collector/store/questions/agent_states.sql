-- The same as agent_state, of several agents at once.
select distinct on (agent.agent_id) agent.agent_id, agent.school_id,
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
where agent_id = any(%(agent_ids)s) and revoked_at is null
order by agent.agent_id, enrolled_at desc
