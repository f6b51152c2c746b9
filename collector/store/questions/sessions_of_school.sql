-- What the computers of a school measured in their newest sessions of the period, as they sent it, in the order of time.
-- A session is a report; those with nothing but latency say nothing about causes, and the stops of a walk nothing about
-- where the laptop usually stands. Rooms are for those who may see them.
with session as (
    select agent_id, sequence, row_number() over (partition by agent_id order by max(measured_at) desc, sequence desc) as place
    from measurement
    where school_id = %(school_id)s and measured_at >= %(start)s and measured_at < %(end)s and received_at >= %(start)s
        and kind in ('throughput', 'wifi', 'lan', 'peer', 'services')
        and not exists (
            select from report
            where report.school_id = measurement.school_id and report.agent_id = measurement.agent_id
                and report.sequence = measurement.sequence and report.received_at = measurement.received_at
                and report.trigger = 'survey'
        )
    group by agent_id, sequence
)
select measurement.agent_id, measurement.sequence, agent.room, measurement.measured_at, measurement.body::text as body
from session
join measurement on measurement.school_id = %(school_id)s
    and measurement.agent_id = session.agent_id
    and measurement.sequence = session.sequence and measurement.received_at >= %(start)s
left join agent on agent.school_id = measurement.school_id and agent.agent_id = measurement.agent_id
where session.place <= %(sessions)s
    and measurement.kind in ('link', 'latency', 'throughput', 'wifi', 'lan', 'peer', 'services')
order by measurement.agent_id, measurement.sequence, measurement.position
