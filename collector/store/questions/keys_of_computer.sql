-- Every key that a computer had, the newest first.
with computer as (
    select coalesce(computer_id, agent_id) as id from agent where school_id = %(school_id)s and agent_id = %(agent_id)s
)
select agent_id, enrolled_at, last_seen_at, highest_sequence as reports, succeeds, revoked_at, ended_at, ended_by
from agent, computer
where school_id = %(school_id)s and (agent_id = computer.id or computer_id = computer.id)
order by enrolled_at desc, agent_id
