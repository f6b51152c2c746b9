-- A school's speed tests in a period with where and how they were made, the newest first; how many there are in all.
with computer as materialized (
    select agent_id, room from agent where school_id = %(school_id)s
),
found as materialized (
    select speed_test.*, computer.room, count(*) over () as total
    from speed_test
    left join computer on computer.agent_id = speed_test.agent_id
    where speed_test.school_id = %(school_id)s and measured_at >= %(start)s and measured_at < %(end)s
        and received_at >= %(start)s
        and (%(room)s::text is null or computer.room = %(room)s)
        and (%(medium)s::text is null or coalesce(medium, 'unknown') = %(medium)s)
        and (%(disturbed)s::boolean is null or (cardinality(tainted) > 0) = %(disturbed)s)
    order by measured_at desc, speed_test.agent_id, sequence, position
    limit %(limit)s offset %(offset)s
),
whole as materialized (
    select measurement.agent_id, measurement.sequence, measurement.position,
        body -> 'download' ->> 'stop' as download_stop, body -> 'upload' ->> 'stop' as upload_stop
    from found
    join measurement on measurement.agent_id = found.agent_id and measurement.sequence = found.sequence
        and measurement.position = found.position and measurement.received_at = found.received_at
    where measurement.school_id = %(school_id)s
)
select found.agent_id, found.measured_at, found.room, found.server, found.purpose, found.download_bps,
    found.download_low_bps, coalesce(found.download_at_least, false) as download_at_least, found.upload_bps,
    found.upload_low_bps, coalesce(found.upload_at_least, false) as upload_at_least, found.rtt_idle_ms, found.tainted,
    found.medium, found.link_speed_bps, found.synthetic, found.total,
    whole.download_stop, whole.upload_stop
from found
left join whole on whole.agent_id = found.agent_id and whole.sequence = found.sequence and whole.position = found.position
order by found.measured_at desc, found.agent_id, found.sequence, found.position
