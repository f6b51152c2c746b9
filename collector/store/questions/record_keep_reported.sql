insert into reported_test (school_id, test_id, agent_id, sequence, received_at, region_id, operator)
select school_id, test_id, agent_id, sequence, received_at, region_id, operator
from unnest(
    %(school_id)s, %(test_id)s, %(agent_id)s, %(sequence)s, %(received_at)s, %(region_id)s, %(operator)s
) as one (school_id, test_id, agent_id, sequence, received_at, region_id, operator)
on conflict (school_id, test_id, agent_id, sequence) do nothing
