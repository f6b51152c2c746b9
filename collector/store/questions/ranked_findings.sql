-- Schools in the order of what a ranking found of them, and where they stood in the period before, in the viewer's own
-- scope. Classes: 0 judged, 1 not enough data but a figure, 2 nothing to rank by; schools of which nothing was found yet
-- come last. Places are among all schools of the region or the country, whatever else is chosen. Only the wanted page's
-- bodies and lines are read.
with placed as (
    select school.school_id, school.district, school.operator, school.connectivity_type, school.synthetic,
        school.connected, line.state, case when %(own_answer)s then now.meets else line.meets end as meets,
        now.class, now.score,
        case when now.class < 2 then rank() over (order by now.class, now.score desc) end as rank,
        case when earlier.class < 2 then rank() over (order by earlier.class, earlier.score desc) end as rank_before
    from school
    left join school_period as line
        on line.school_id = school.school_id and line.period = %(period)s
        and line.operator = case current_setting('netready.role', true)
            when 'operator' then current_setting('netready.scope', true) else '' end
    left join school_finding as now
        on now.school_id = school.school_id and now.period = %(period)s and now.ranking = %(ranking)s
        and now.operator = case current_setting('netready.role', true)
            when 'operator' then current_setting('netready.scope', true) else '' end
    left join school_finding as earlier
        on earlier.school_id = school.school_id and earlier.period = %(before)s and earlier.ranking = %(ranking)s
        and earlier.operator = case current_setting('netready.role', true)
            when 'operator' then current_setting('netready.scope', true) else '' end
    where (%(region)s::text is null or coalesce(line.region_id, school.region_id) = %(region)s)
        and (school.closed_on is null or school.closed_on > %(start)s)
),
page as (
    select school_id, class, score, meets, rank, rank_before,
        count(*) over () as total,
        count(*) filter (where meets) over () as ready,
        count(*) filter (where not meets) over () as below,
        count(*) filter (where state = 'not connected' or (state is null and connected is false)) over ()
            as unconnected,
        bool_or(synthetic) over () as is_synthetic
    from placed
    where (%(district)s::text is null or district = %(district)s)
        and (%(operator)s::text is null or operator = %(operator)s)
        and (%(technology)s::text is null or connectivity_type = %(technology)s)
        and (%(state)s::text is null or coalesce(state, 'not enough data') = %(state)s)
    order by class nulls last, score desc nulls last, school_id
    limit %(limit)s offset %(offset)s
)
select school.school_id as id, school.name, coalesce(line.region_id, school.region_id) as region, school.district,
    school.operator, school.pupils, school.connected, school.synthetic, page.rank, page.rank_before,
    line.tests, line.download_bps, line.upload_bps, line.download_at_least_bps, line.upload_at_least_bps,
    line.required_download_bps, line.required_upload_bps, line.meets, line.share, line.share_low, line.share_high,
    earlier.share as share_before, found.body, page.total, page.ready, page.below, page.unconnected, page.is_synthetic
from page
join school on school.school_id = page.school_id
left join school_period as line
    on line.school_id = page.school_id and line.period = %(period)s
    and line.operator = case current_setting('netready.role', true)
        when 'operator' then current_setting('netready.scope', true) else '' end
left join school_period as earlier
    on earlier.school_id = page.school_id and earlier.period = %(before)s
    and earlier.operator = case current_setting('netready.role', true)
        when 'operator' then current_setting('netready.scope', true) else '' end
left join school_finding as found
    on found.school_id = page.school_id and found.period = %(period)s and found.ranking = %(ranking)s
    and found.operator = case current_setting('netready.role', true)
        when 'operator' then current_setting('netready.scope', true) else '' end
order by page.class nulls last, page.score desc nulls last, page.school_id
