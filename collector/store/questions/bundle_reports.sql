-- Some reports of a school, by computer and number.
with asked as materialized (
    select * from unnest(%(agents)s::text[], %(sequences)s::bigint[]) as one (agent_id, sequence)
)
select report.agent_id as agent, report.sequence, report.created_at, report.received_at, report.payload,
    report.signature, report.payload_sha256 as sha256
from asked
join report on report.school_id = %(school_id)s and report.agent_id = asked.agent_id
    and report.sequence = asked.sequence
