select agent_id, lease_id, mode, order_id, server, reserved_bps, share, granted_at, starts_at, ends_at, released_at
from lease
where school_id = %(school_id)s and granted_at >= %(since)s
order by granted_at
