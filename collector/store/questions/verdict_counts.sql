-- How many lines came out how in each month, by operator and the newest versions, as far as the viewer may see.
with newest as materialized (
    select distinct on (month, school_id, line, operator) month, operator, state, version, synthetic
    from verdict
    where month between %(first)s and %(last)s and (%(operator)s::text is null or operator = %(operator)s)
    order by month, school_id, line, operator, version desc
)
select month, operator, state, version = 0 as is_preliminary, bool_or(synthetic) as synthetic, count(*) as lines
from newest group by month, operator, state, version = 0 order by month, operator, state
