insert into measurement (
    school_id, agent_id, sequence, position, kind, probe, failure, detail, measured_at, received_at, region_id, operator,
    synthetic, body
)
select school_id, agent_id, sequence, position, kind, probe, failure, detail, measured_at, received_at, region_id,
    operator, synthetic, body::json
from unnest(
    %(school_id)s, %(agent_id)s, %(sequence)s, %(position)s, %(kind)s, %(probe)s, %(failure)s, %(detail)s,
    %(measured_at)s, %(received_at)s, %(region_id)s, %(operator)s, %(synthetic)s, %(body)s
) as one (
    school_id, agent_id, sequence, position, kind, probe, failure, detail, measured_at, received_at, region_id, operator,
    synthetic, body
)
