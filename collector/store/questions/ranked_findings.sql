-- Schools in the order of what a ranking found of them, and where they stood in the period before, in the viewer's own
-- scope. Classes: 0 judged, 1 not enough data but a figure, 2 nothing to rank by; schools of which nothing was found yet
-- come last. Places are among all schools of the region or the country, whatever else is chosen, as both were then. Only
-- the wanted page's rows are read whole, by an array of its schools: joined with them, the planner reads all of the
-- period's, each from another block. What is joined to the registry is looked up first: over several machines (Citus)
-- policies allow no other way.
with mine as materialized (
    select case current_setting('netready.role', true)
        when 'operator' then current_setting('netready.scope', true) else '' end as operator
),
line as materialized (
    select school_id, region_id, state, meets from school_period
    where period = %(period)s and operator = (select operator from mine)
),
now as materialized (
    select school_id, class, score, meets, cause, rank() over (order by class, score desc) as rank
    from school_finding
    where period = %(period)s and ranking = %(ranking)s and operator = (select operator from mine)
        and (%(region)s::text is null or region_id = %(region)s)
),
wanted as materialized (
    select school.school_id, now.class, now.score, now.rank, school.synthetic,
        case when %(own_answer)s then now.meets else line.meets end as meets,
        line.state = 'not connected' or (line.state is null and school.connected is false) as is_off
    from school
    left join line on line.school_id = school.school_id
    left join now on now.school_id = school.school_id
    where (%(region)s::text is null or coalesce(line.region_id, school.region_id) = %(region)s)
        and (school.closed_on is null or school.closed_on > %(start)s)
        and (%(district)s::text is null or school.district = %(district)s)
        and (%(operator)s::text is null or school.operator = %(operator)s)
        and (%(technology)s::text is null or school.connectivity_type = %(technology)s)
        and (%(state)s::text is null or coalesce(line.state, 'not enough data') = %(state)s)
        and (%(cause)s::text is null or now.cause = %(cause)s)
),
counted as materialized (
    select count(*) as total, count(*) filter (where meets) as ready, count(*) filter (where not meets) as below,
        count(*) filter (where is_off) as unconnected, bool_or(synthetic) as is_synthetic
    from wanted
),
page as materialized (
    select school_id, class, score, case when class < 2 then rank end as rank
    from wanted
    order by class nulls last, score desc nulls last, school_id
    limit %(limit)s offset %(offset)s
),
earlier as materialized (
    select school_id, rank
    from (
        select school_id, rank() over (order by class, score desc) as rank
        from school_finding
        where period = %(before)s and ranking = %(ranking)s and operator = (select operator from mine)
            and (%(region)s::text is null or region_id = %(region)s) and class < 2
    ) as placed
    where school_id in (select school_id from page)
),
named as materialized (
    select * from school where school_id = any (array(select school_id from page))
),
whole as materialized (
    select school_id, period, region_id, tests, download_bps, upload_bps, download_at_least_bps, upload_at_least_bps,
        required_download_bps, required_upload_bps, meets, share, share_low, share_high
    from school_period
    where school_id = any (array(select school_id from page)) and period = any (array[%(period)s, %(before)s])
        and operator = (select operator from mine)
),
found as materialized (
    select school_id, body from school_finding
    where school_id = any (array(select school_id from page)) and period = %(period)s and ranking = %(ranking)s
        and operator = (select operator from mine)
)
select school.school_id as id, school.name, coalesce(line.region_id, school.region_id) as region, school.district,
    school.operator, school.pupils, school.connected, school.synthetic, page.rank, earlier.rank as rank_before,
    line.tests, line.download_bps, line.upload_bps, line.download_at_least_bps, line.upload_at_least_bps,
    line.required_download_bps, line.required_upload_bps, line.meets, line.share, line.share_low, line.share_high,
    before.share as share_before, found.body, counted.*
from page
cross join counted
join named as school on school.school_id = page.school_id
left join whole as line on line.school_id = page.school_id and line.period = %(period)s
left join whole as before on before.school_id = page.school_id and before.period = %(before)s
left join earlier on earlier.school_id = page.school_id
left join found on found.school_id = page.school_id
order by page.class nulls last, page.score desc nulls last, page.school_id
