-- measured_at is never later than received_at: the second condition lets whole partitions be skipped.
select test.school_id, synthetic, agent_id, measured_at, region_id, coalesce(operator, ''), medium, link_speed_bps,
    tainted,
    download_bps, download_low_bps, case when download_at_least then null else download_high_bps end,
    upload_bps, upload_low_bps, case when upload_at_least then null else upload_high_bps end
from unnest(%(schools)s::text[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]) as asked (school_id, begins, ends)
join speed_test as test
    on test.school_id = asked.school_id and measured_at >= asked.begins and measured_at < asked.ends
order by test.school_id, measured_at, agent_id, sequence, position
