insert into lease (
    school_id, lease_id, agent_id, region_id, mode, order_id, purpose, trigger, server, reserved_bps, share, granted_at,
    starts_at, ends_at
)
values (
    %(school_id)s, %(lease_id)s, %(agent_id)s, %(region_id)s, %(mode)s, %(order_id)s, %(purpose)s, %(trigger)s,
    %(server)s, %(reserved_bps)s, %(share)s, %(granted_at)s, %(starts_at)s, %(ends_at)s
)
