-- What a school's computers found of platforms and cameras in a period, the newest looks first.
select measured_at, body::text as body
from measurement
where school_id = %(school_id)s and measured_at >= %(start)s and measured_at < %(end)s and received_at >= %(start)s
    and kind = 'services'
order by measured_at desc, agent_id, sequence, position
limit %(limit)s
