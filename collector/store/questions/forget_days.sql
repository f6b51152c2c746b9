with told as materialized (
    select * from unnest(%(schools)s::text[], %(days)s::date[]) as one (school_id, day)
)
delete from school_day
using told
where school_day.school_id = told.school_id and school_day.day = told.day
