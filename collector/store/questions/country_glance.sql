-- What a country or a region looks like at a glance: how many schools were judged and ready in each of some periods, what
-- is the matter with how many in one of them, and how many are heard of. The first two parts are read by their indexes.
with mine as materialized (
    select case when current_setting('netready.role', true) = 'operator'
        then current_setting('netready.scope', true) else '' end as operator
),
line as materialized (
    select period, count(meets) as judged, count(*) filter (where meets) as ready
    from school_period
    where period = any(%(periods)s) and operator = (select operator from mine)
        and (%(region)s::text is null or region_id = %(region)s)
    group by period
),
found as materialized (
    select cause, count(*) as schools
    from school_finding
    where period = %(period)s and ranking = 'causes' and operator = (select operator from mine)
        and (%(region)s::text is null or region_id = %(region)s)
    group by cause
),
heard as materialized (
    select state, count(*) as schools
    from school_fleet
    where %(region)s::text is null or region_id = %(region)s
    group by state
)
select 'period' as part, period as word, judged as schools, ready from line
union all
select 'cause', cause, schools, 0 from found where cause is not null
union all
select 'heard', state, schools, 0 from heard
