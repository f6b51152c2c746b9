with told as materialized (
    select * from unnest(%(schools)s::text[], %(months)s::date[]) as one (school_id, month)
)
delete from school_month
using told
where school_month.school_id = told.school_id and school_month.month = told.month
