with told as materialized (
    select * from unnest(%(schools)s::text[], %(days)s::date[], %(since)s::timestamptz[]) as one (school_id, day, since)
)
delete from dirty_day
using told
where dirty_day.school_id = told.school_id and dirty_day.day = told.day and dirty_day.since = told.since
