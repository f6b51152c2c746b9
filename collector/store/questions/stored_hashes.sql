select report.school_id, report.agent_id, report.sequence, report.payload_sha256
from report
join unnest(%(schools)s::text[], %(agents)s::text[], %(sequences)s::bigint[]) as asked (school_id, agent_id, sequence)
    on report.school_id = asked.school_id
    and report.agent_id = asked.agent_id
    and report.sequence = asked.sequence
