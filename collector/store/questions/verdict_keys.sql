select agent_id, public_key, distrusted_from
from agent where school_id = %(school_id)s and agent_id = any(%(agents)s) order by agent_id
