delete from school_day
using unnest(%(schools)s::text[], %(days)s::date[]) as told (school_id, day)
where school_day.school_id = told.school_id and school_day.day = told.day
