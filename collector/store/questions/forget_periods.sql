delete from school_period
using unnest(%(schools)s::text[], %(periods)s::text[]) as told (school_id, period)
where school_period.school_id = told.school_id and school_period.period = told.period
