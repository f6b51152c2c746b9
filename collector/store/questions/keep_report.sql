insert into report (
    school_id, agent_id, sequence, payload, payload_sha256, previous_sha256, signature, schema, software, trigger,
    boot_id, monotonic_s, created_at, received_at, clock_ahead_s, region_id, operator, synthetic
)
select * from unnest(
    %(school_id)s, %(agent_id)s, %(sequence)s, %(payload)s, %(payload_sha256)s, %(previous_sha256)s, %(signature)s,
    %(schema)s, %(software)s, %(trigger)s, %(boot_id)s, %(monotonic_s)s, %(created_at)s, %(received_at)s,
    %(clock_ahead_s)s, %(region_id)s, %(operator)s, %(synthetic)s
)
