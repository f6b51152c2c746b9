-- What became of tests that were asked of a school's computers: the turn that each got, and what it reported since. Each
-- table is read by itself, the school's rows alone: over several machines (Citus) policies allow no other way.
with asked as materialized (
    select agent_id, order_id, kind, author, at, until, done_at from test_order
    where school_id = %(school_id)s and at >= %(since)s and kind <> 'pause'
),
computer as materialized (
    select agent_id, room from agent where school_id = %(school_id)s
),
turn as materialized (
    select lease.agent_id, lease.order_id, granted_at, starts_at, ends_at, released_at
    from asked
    join lease on lease.agent_id = asked.agent_id and lease.order_id = asked.order_id
    where lease.school_id = %(school_id)s
),
made as materialized (
    select distinct on (turn.agent_id, starts_at) turn.agent_id, starts_at, measured_at, download_bps, upload_bps
    from turn
    join speed_test on speed_test.agent_id = turn.agent_id and measured_at >= starts_at
        and measured_at < ends_at + interval '10 minutes' and received_at >= starts_at
    where speed_test.school_id = %(school_id)s
    order by turn.agent_id, starts_at, measured_at
),
failed as materialized (
    select distinct on (turn.agent_id, starts_at) turn.agent_id, starts_at, failure
    from turn
    join measurement on measurement.agent_id = turn.agent_id and measured_at >= starts_at
        and measured_at < ends_at + interval '10 minutes' and received_at >= starts_at
    where measurement.school_id = %(school_id)s and measurement.kind = 'failed'
        and probe in ('msak', 'ndt7', 'librespeed', 'ookla')
    order by turn.agent_id, starts_at, measured_at
)
select asked.agent_id, asked.order_id, kind, author, at, until, done_at, room, granted_at, turn.starts_at, ends_at,
    released_at, measured_at, download_bps, upload_bps, failure
from asked
left join computer on computer.agent_id = asked.agent_id
left join turn on turn.agent_id = asked.agent_id and turn.order_id = asked.order_id
left join made on made.agent_id = asked.agent_id and made.starts_at = turn.starts_at
left join failed on failed.agent_id = asked.agent_id and failed.starts_at = turn.starts_at
order by at desc, room, asked.agent_id
limit 200
