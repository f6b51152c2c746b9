-- The numbers and hashes of all reports of computers from one number to another.
with asked as materialized (
    select * from unnest(%(agents)s::text[], %(lows)s::bigint[], %(highs)s::bigint[]) as one (agent_id, low, high)
)
select report.agent_id, report.sequence, report.payload_sha256
from asked
join report on report.school_id = %(school_id)s and report.agent_id = asked.agent_id
    and report.sequence between asked.low and asked.high and report.received_at <= %(known_at)s
order by report.agent_id, report.sequence
