-- Groups of schools in the order of the share of judged schools that are ready, drawn towards the country's as if ten more
-- schools had been judged, and where they stood in the period before. An operator answers for its own time at a school,
-- whoever has the line now; the other groups are those of the schools as they are in the registry, regions as they were.
with mine as materialized (
    select case when current_setting('netready.role', true) = 'operator'
        then current_setting('netready.scope', true) else '' end as operator
),
line as materialized (
    select school_id, period, operator, region_id, meets, tests, state, slots, download_bps, upload_bps,
        download_at_least_bps, upload_at_least_bps, required_download_bps, required_upload_bps, missing_download_bps
    from school_period
    where period in (%(period)s, %(before)s)
        and (
            (%(by)s = 'operator' and operator <> '')
            or (%(by)s <> 'operator' and operator = (select operator from mine))
        )
),
asked as materialized (
    select * from school
    where (%(district)s::text is null or district = %(district)s)
        and (%(operator)s::text is null or operator = %(operator)s)
        and (%(technology)s::text is null or connectivity_type = %(technology)s)
        and (closed_on is null or closed_on > %(start)s)
),
member as (
    select asked.connected, asked.synthetic, line.*,
        case %(by)s
            when 'region' then coalesce(line.region_id, asked.region_id)
            when 'district' then coalesce(line.region_id, asked.region_id) || ' ' || asked.district
            when 'technology' then asked.connectivity_type
            when 'operator' then coalesce(line.operator, asked.operator)
        end as id
    from asked
    left join line on line.school_id = asked.school_id and line.period = %(period)s
    where %(region)s::text is null or coalesce(line.region_id, asked.region_id) = %(region)s
),
summed as (
    select id, count(*) as schools, count(meets) as judged, count(*) filter (where meets) as ready,
        count(*) filter (where state = 'not connected' or (state is null and connected is false)) as not_connected,
        coalesce(sum(tests), 0)::bigint as tests, coalesce(sum(slots), 0)::bigint as slots,
        percentile_cont(0.5) within group (order by download_bps) as download_bps,
        percentile_cont(0.5) within group (order by upload_bps) as upload_bps,
        percentile_cont(0.5) within group (order by download_at_least_bps) as download_at_least_bps,
        percentile_cont(0.5) within group (order by upload_at_least_bps) as upload_at_least_bps,
        percentile_cont(0.5) within group (order by required_download_bps) as required_download_bps,
        percentile_cont(0.5) within group (order by required_upload_bps) as required_upload_bps,
        sum(missing_download_bps) as missing_download_bps,
        bool_or(synthetic) as synthetic
    from member
    where id is not null
    group by id
),
-- Of the period before only the shares are told: schools without an answer in it do not matter.
summed_before as (
    select id, count(*) as judged, count(*) filter (where meets) as ready
    from (
        select meets,
            case %(by)s
                when 'region' then line.region_id
                when 'district' then line.region_id || ' ' || asked.district
                when 'technology' then asked.connectivity_type
                when 'operator' then line.operator
            end as id
        from line
        join asked on asked.school_id = line.school_id
        where line.period = %(before)s and meets is not null
            and (%(region)s::text is null or line.region_id = %(region)s)
    ) as member
    where id is not null
    group by id
),
now as materialized (
    select *, case when judged > 0 then rank() over (order by score desc nulls last) end as place
    from (
        select *, ready::double precision / nullif(judged, 0) as share,
            case when judged > 0 then
                (ready + 10 * sum(ready) over () / nullif(sum(judged) over (), 0)) / (judged + 10)
            end as score
        from summed
    ) as scored
),
earlier as materialized (
    select id, share, rank() over (order by score desc) as place
    from (
        select id, ready::double precision / judged as share,
            (ready + 10 * sum(ready) over () / sum(judged) over ()) / (judged + 10) as score
        from summed_before
    ) as scored
)
select now.id, now.schools, now.judged, now.ready, now.not_connected, now.tests, now.slots, now.synthetic,
    now.download_bps, now.upload_bps,
    case when now.download_bps is null then now.download_at_least_bps end as download_at_least_bps,
    case when now.upload_bps is null then now.upload_at_least_bps end as upload_at_least_bps,
    now.required_download_bps, now.required_upload_bps, now.missing_download_bps, now.share, now.place as rank,
    earlier.share as share_before, earlier.place as rank_before, count(*) over () as total,
    sum(now.schools) over ()::bigint as all_schools, sum(now.ready) over ()::bigint as all_ready,
    sum(now.judged - now.ready) over ()::bigint as below, sum(now.not_connected) over ()::bigint as unconnected,
    bool_or(now.synthetic) over () as is_synthetic
from now
left join earlier on earlier.id = now.id
order by now.place nulls last, now.id
limit %(limit)s offset %(offset)s
