-- What the computers of a school signed, made in a span of time and taken in until a moment.
select agent_id, sequence, received_at, created_at, payload, signature
from report
where school_id = %(school_id)s and received_at >= %(begins)s - interval '1 day' and received_at <= %(known_at)s
    and created_at >= %(begins)s and created_at < %(ends)s
order by agent_id, sequence
