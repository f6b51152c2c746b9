-- Schools in the order of their readiness, and where they stood in the period before, in the viewer's own scope.
-- The share of slots that met the target is drawn towards what is typical of the period (renew_prior), as strongly as if so
-- many slots more had been measured: a school with three slots neither tops the list nor ends it. Those judged come first,
-- then those without enough data (score -1) by their speeds, then those with nothing to rank by (-2).
-- Whole rows are read of the wanted page only, by an array of its schools (joined, the planner would read all, each from
-- another block): the other thousands are ordered by what the index holds of them. What is joined to the registry is
-- looked up first: over several machines (Citus) policies allow no other way.
with mine as materialized (
    select case when current_setting('netready.role', true) = 'operator'
        then current_setting('netready.scope', true) else '' end as operator
),
one as not materialized (
    select school_id, period.period, region_id, state, meets,
        case
            when meets is not null then (slots_met + coalesce(weight, 10) * coalesce(prior.share, 0.5))
                / (slots_met + slots_missed + coalesce(weight, 10))
        end as share,
        -- "least" would pass over a null.
        case when coalesce(download_bps, download_at_least_bps) / required_download_bps is not null
            and coalesce(upload_bps, upload_at_least_bps) is not null
        then
            least(
                coalesce(download_bps, download_at_least_bps) / required_download_bps,
                coalesce(upload_bps, upload_at_least_bps) / required_upload_bps
            )
        end as fitness
    from school_period as period
    left join period_prior as prior on prior.period = period.period
    where operator = (select operator from mine)
        and (%(region)s::text is null or region_id = %(region)s)
),
now as materialized (
    select *, rank() over (order by score desc, fitness desc nulls last) as place
    from (
        select *, case when meets is not null then share when fitness is not null then -1 else -2 end as score
        from one where period = %(period)s
    ) as scored
),
wanted as materialized (
    select school.school_id, school.synthetic, now.score, now.fitness, now.place,
        coalesce(now.state, case when school.connected is false then 'not connected' end, 'not enough data') as state
    from school
    left join now on now.school_id = school.school_id
    where (%(region)s::text is null or coalesce(now.region_id, school.region_id) = %(region)s)
        and (%(district)s::text is null or school.district = %(district)s)
        and (%(operator)s::text is null or school.operator = %(operator)s)
        and (%(technology)s::text is null or school.connectivity_type = %(technology)s)
        and (%(state)s::text is null or coalesce(now.state, 'not enough data') = %(state)s)
        and (school.closed_on is null or school.closed_on > %(start)s)
),
counted as materialized (
    select count(*) as total, count(*) filter (where state = 'ready') as ready,
        count(*) filter (where state = 'not ready') as below,
        count(*) filter (where state = 'not connected') as unconnected, bool_or(synthetic) as is_synthetic
    from wanted
),
page as materialized (
    select school_id, score, fitness, place
    from wanted
    order by score desc nulls last, fitness desc nulls last, school_id
    limit %(limit)s offset %(offset)s
),
earlier as materialized (
    select school_id, place, score
    from (
        select school_id, rank() over (order by score desc, fitness desc nulls last) as place, score
        from (
            select *, case when meets is not null then share when fitness is not null then -1 else -2 end as score
            from one where period = %(before)s
        ) as scored
    ) as placed
    where school_id in (select school_id from page)
),
named as materialized (
    select * from school where school_id = any (array(select school_id from page))
),
line as materialized (
    select * from school_period
    where school_id = any (array(select school_id from page)) and period in (%(period)s, %(before)s)
        and operator = (select operator from mine)
)
select school.school_id as id, school.name, coalesce(whole.region_id, school.region_id) as region, school.district,
    school.operator, school.connectivity_type, school.pupils, coalesce(whole.synthetic, school.synthetic) as synthetic,
    case when page.score > -2 then page.place end as rank,
    case when earlier.score > -2 then earlier.place end as rank_before,
    whole.share, whole_before.share as share_before, whole.share_low, whole.share_high, whole.slots, whole.slots_met,
    whole.slots_missed, whole.days, whole.tests, whole.computers, whole.meets, whole.download_p25_bps,
    whole.download_bps, whole.download_p95_bps, whole.upload_p25_bps, whole.upload_bps, whole.upload_p95_bps,
    whole.download_at_least_bps, whole.upload_at_least_bps, whole.required_download_bps, whole.required_upload_bps,
    whole.missing_download_bps, whole.missing_upload_bps, whole.state, whole.reason, school.connected, counted.*
from page
cross join counted
join named as school on school.school_id = page.school_id
left join line as whole on whole.school_id = page.school_id and whole.period = %(period)s
left join line as whole_before on whole_before.school_id = page.school_id and whole_before.period = %(before)s
left join earlier on earlier.school_id = page.school_id
order by page.score desc nulls last, page.fitness desc nulls last, page.school_id
