-- The months in which a school's lines are judged to have broken their contracts, by operator, by the newest version; none
-- that is still preliminary. Operators may have changed since; the name is null where the viewer sees the school no more.
with newest as materialized (
    select distinct on (month, school_id, line, operator) school_id, line, month, operator, state, region_id, synthetic
    from verdict
    where month between %(first)s and %(last)s and version > 0
    order by month, school_id, line, operator, version desc
)
select school_id, operator, max(region_id) as region, bool_or(synthetic) as synthetic,
    array_agg(distinct month order by month) as months
from newest where state = 'breach' group by school_id, operator order by school_id, operator
