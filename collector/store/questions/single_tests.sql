-- Speed tests of real schools in a period, one row each, in the order they came; only rates that are no lower bounds.
select
    test.measured_at, test.received_at, test.school_id, report.payload_sha256, report.trigger, report.software, test.position,
    lower(school.extra ->> 'school_id_giga') as giga_id_school, test.engine, test.server, test.rtt_idle_ms, test.tainted,
    case when not test.download_at_least then (measurement.body -> 'download' ->> 'goodput_bps')::double precision end
        as download_bps,
    case when not test.upload_at_least then (measurement.body -> 'upload' ->> 'goodput_bps')::double precision end
        as upload_bps,
    (measurement.body -> 'download' ->> 'bytes')::bigint as data_downloaded,
    (measurement.body -> 'upload' ->> 'bytes')::bigint as data_uploaded
from speed_test as test
join measurement
    on measurement.school_id = test.school_id and measurement.agent_id = test.agent_id
    and measurement.sequence = test.sequence and measurement.position = test.position
    and measurement.received_at = test.received_at
join report
    on report.school_id = test.school_id and report.agent_id = test.agent_id and report.sequence = test.sequence
    and report.received_at = test.received_at
join school on school.school_id = test.school_id
where test.measured_at >= %(start)s and test.measured_at < %(end)s and test.received_at >= %(start)s
    and not test.synthetic
    and (not test.download_at_least or not test.upload_at_least)
order by test.received_at, test.school_id, test.agent_id, test.sequence, test.position
