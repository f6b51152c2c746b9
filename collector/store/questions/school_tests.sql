select agent_id, sequence, position, measured_at, engine, server, purpose, download_bps, download_low_bps,
    download_high_bps, coalesce(download_at_least, false) as download_at_least, upload_bps, upload_low_bps, upload_high_bps,
    coalesce(upload_at_least, false) as upload_at_least, rtt_idle_ms, tainted, medium, link_speed_bps, synthetic
from speed_test
where school_id = %(school_id)s and measured_at >= %(start)s and measured_at < %(end)s and received_at >= %(start)s
order by measured_at desc, agent_id, sequence, position
limit %(limit)s
