insert into measurement (
    school_id, agent_id, sequence, position, kind, probe, failure, detail, measured_at, body, region_id, operator,
    synthetic
)
values (
    %(school_id)s, %(agent_id)s, %(sequence)s, %(position)s, %(kind)s, %(probe)s, %(failure)s, %(detail)s,
    %(measured_at)s, %(body)s, %(region_id)s, %(operator)s, %(synthetic)s
)
