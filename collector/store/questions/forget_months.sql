delete from school_month
using unnest(%(schools)s::text[], %(months)s::date[]) as told (school_id, month)
where school_month.school_id = told.school_id and school_month.month = told.month
