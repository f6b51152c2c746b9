select agent_id, sequence, position, measured_at, kind, probe, failure, detail
from measurement
where school_id = %(school_id)s and measured_at >= %(start)s and measured_at < %(end)s and received_at >= %(start)s
    and kind in ('failed', 'skipped')
order by measured_at desc, agent_id, sequence, position
limit %(limit)s
