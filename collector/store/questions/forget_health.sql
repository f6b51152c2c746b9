delete from computer_health as known
where not exists (
    select from agent
    join school on school.school_id = agent.school_id
    where agent.school_id = known.school_id and agent.agent_id = known.agent_id
        and agent.revoked_at is null and agent.ended_at is null and school.closed_on is null
)
