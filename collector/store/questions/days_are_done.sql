delete from dirty_day
using unnest(%(schools)s::text[], %(days)s::date[], %(since)s::timestamptz[]) as told (school_id, day, since)
where dirty_day.school_id = told.school_id and dirty_day.day = told.day and dirty_day.since = told.since
