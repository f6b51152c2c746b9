-- Every computer in service beside what was last judged of it.
select agent.school_id, agent.agent_id, school.region_id, agent.room, agent.software, agent.last_seen_at,
    agent.enrolled_at, school.synthetic, known.state, known.days,
    -- what a row of computer_health repeats has not changed since
    known.school_id is not null
        and known.last_seen_at is not distinct from agent.last_seen_at
        and known.region_id = school.region_id
        and known.room is not distinct from agent.room
        and known.software is not distinct from agent.software
        and known.synthetic = school.synthetic as is_known
from agent
join school on school.school_id = agent.school_id
left join computer_health as known on known.school_id = agent.school_id and known.agent_id = agent.agent_id
where agent.revoked_at is null and agent.ended_at is null and school.closed_on is null
order by agent.school_id
