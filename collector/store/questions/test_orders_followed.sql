-- What became of tests that were asked of a school's computers: the turn that each got, and what it reported since.
select test_order.agent_id, test_order.order_id, test_order.kind, test_order.author, test_order.at, test_order.until,
    test_order.done_at, agent.room, lease.granted_at, lease.starts_at, lease.ends_at, lease.released_at,
    made.measured_at, made.download_bps, made.upload_bps, failed.failure
from test_order
left join agent on agent.school_id = test_order.school_id and agent.agent_id = test_order.agent_id
left join lease on lease.school_id = test_order.school_id and lease.agent_id = test_order.agent_id
    and lease.order_id = test_order.order_id
left join lateral (
    select measured_at, download_bps, upload_bps
    from speed_test
    where speed_test.school_id = test_order.school_id and speed_test.agent_id = test_order.agent_id
        and speed_test.measured_at >= lease.starts_at and speed_test.measured_at < lease.ends_at + interval '10 minutes'
        and speed_test.received_at >= lease.starts_at
    order by measured_at
    limit 1
) made on true
left join lateral (
    select failure
    from measurement
    where measurement.school_id = test_order.school_id and measurement.agent_id = test_order.agent_id
        and measurement.measured_at >= lease.starts_at
        and measurement.measured_at < lease.ends_at + interval '10 minutes'
        and measurement.received_at >= lease.starts_at and measurement.kind = 'failed'
        and measurement.probe in ('msak', 'ndt7', 'librespeed', 'ookla')
    order by measured_at
    limit 1
) failed on true
where test_order.school_id = %(school_id)s and test_order.at >= %(since)s and test_order.kind <> 'pause'
order by test_order.at desc, agent.room, test_order.agent_id
limit 200
