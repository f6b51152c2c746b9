-- The reports of schools in spans of time, with a day before and after, as far as they tell that a computer was on. A
-- report has measurements, and these have the index; measured_at is never later than received_at.
with asked as materialized (
    select * from unnest(%(schools)s::text[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
        as one (school_id, begins, ends)
),
told as (
    select measurement.school_id, asked.begins, measurement.agent_id, measurement.sequence, measurement.received_at,
        array_agg(measurement.failure) filter (where measurement.failure is not null) as failures,
        bool_or(measurement.kind in ('latency', 'throughput')) as has_answer
    from asked
    join measurement
        on measurement.school_id = asked.school_id
        and measurement.measured_at >= asked.begins - interval '1 day'
        and measurement.measured_at < asked.ends + interval '1 day'
        and measurement.received_at >= asked.begins - interval '1 day'
    group by measurement.school_id, asked.begins, measurement.agent_id, measurement.sequence, measurement.received_at
)
select told.school_id, told.begins, report.agent_id, report.boot_id, report.monotonic_s, report.created_at,
    report.received_at, told.failures, told.has_answer
from told
join report
    on report.school_id = told.school_id and report.agent_id = told.agent_id and report.sequence = told.sequence
    and report.received_at = told.received_at
