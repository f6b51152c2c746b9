select agent_id, revoked_at, ended_at, ended_by
from agent
where school_id = %(school_id)s and recovery_sha256 = %(recovery_sha256)s and agent_id <> %(agent_id)s
order by enrolled_at desc
