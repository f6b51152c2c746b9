with told as materialized (
    select * from unnest(%(schools)s::text[], %(periods)s::text[]) as one (school_id, period)
)
delete from school_period
using told
where school_period.school_id = told.school_id and school_period.period = told.period
