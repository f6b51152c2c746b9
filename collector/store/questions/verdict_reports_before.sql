-- Of each of these computers the newest report before one, made no longer than a month before a moment, that came in at
-- once: it shows that the computer's clock was right then.
with asked as materialized (
    select * from unnest(%(agents)s::text[], %(sequences)s::bigint[]) as one (agent_id, sequence)
)
select distinct on (report.agent_id)
    report.agent_id, report.sequence, report.received_at, report.created_at, report.payload, report.signature
from asked
join report on report.school_id = %(school_id)s and report.agent_id = asked.agent_id
    and report.sequence < asked.sequence and report.received_at <= %(known_at)s
    and report.received_at >= %(begins)s - interval '31 days' and report.created_at < %(begins)s
    and report.received_at - report.created_at between - %(clock)s::interval and %(clock)s::interval
order by report.agent_id, report.sequence desc
