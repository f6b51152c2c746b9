-- What to do for the schools of each region and operator (none: those without one), and how many there were to do
-- something for in the period before. Each school has one task: nothing where it is ready; to be connected; to be
-- measured, where there is not enough to say what it lacks or why; else, for those below the target, what its cause asks
-- for: a larger contract, the operator's repair, order on a full line, repair inside the school. What is missing is told
-- by typical speeds; a school without a line lacks all that it needs. Schools stand in the region of the time. What is
-- joined to the registry is looked up first: over several machines (Citus) policies allow no other way.
with mine as materialized (
    select case current_setting('netready.role', true)
        when 'operator' then current_setting('netready.scope', true) else '' end as operator
),
line as materialized (
    select school_id, region_id, state, meets, tests, download_bps, upload_bps, required_download_bps,
        required_upload_bps, missing_download_bps, missing_upload_bps
    from school_period
    where period = %(period)s and operator = (select operator from mine)
),
line_before as materialized (
    select school_id, region_id, state, meets from school_period
    where period = %(before)s and operator = (select operator from mine)
),
found as materialized (
    select school_id, cause, unfit_rooms from school_finding
    where period = %(period)s and ranking = 'causes' and operator = (select operator from mine)
),
chosen as (
    select * from school
    where (%(district)s::text is null or district = %(district)s)
        and (%(operator)s::text is null or operator = %(operator)s)
        and (%(technology)s::text is null or connectivity_type = %(technology)s)
        and (closed_on is null or closed_on > %(start)s)
),
member as materialized (
    select coalesce(line.region_id, chosen.region_id) as region, chosen.operator, chosen.synthetic,
        line.meets, line.tests, line.download_bps, line.upload_bps, line.required_download_bps, line.required_upload_bps,
        case when line.meets is distinct from true then line.missing_download_bps end as missing_download_bps,
        case when line.meets is distinct from true then line.missing_upload_bps end as missing_upload_bps,
        greatest(%(floor_bps)s, chosen.pupils * %(per_pupil_bps)s) as needed_download_bps,
        case when found.cause not in ('HEALTHY', 'INSUFFICIENT') then found.unfit_rooms end as unfit_rooms,
        case
            when line.meets then 'ready'
            when line.state = 'not connected' or (line.state is null and chosen.connected is false) then 'connect'
            when line.meets is null then 'measure'
            when found.cause = 'LOWER_PLAN'
                or chosen.download_contracted_bps < %(level)s * line.required_download_bps
                or chosen.upload_contracted_bps < %(level)s * line.required_upload_bps
            then 'buy'
            when found.cause = 'ISP_LINE' then 'line'
            when found.cause = 'LINE_SATURATED' then 'full'
            when found.cause in ('LAN_WIRED', 'WIFI_COVERAGE', 'WIFI_INTERFERENCE', 'WIFI_CONFIG', 'HOST', 'MIXED')
            then 'inside'
            else 'measure'
        end as task
    from chosen
    left join line on line.school_id = chosen.school_id
    left join found on found.school_id = chosen.school_id
    where (%(region)s::text is null or coalesce(line.region_id, chosen.region_id) = %(region)s)
        and (%(state)s::text is null or coalesce(line.state, 'not enough data') = %(state)s)
),
summed as (
    select region, operator, count(*) as schools, count(meets) as judged, count(*) filter (where meets) as ready,
        count(*) filter (where not meets) as lacking,
        coalesce(sum(tests), 0)::bigint as tests, bool_or(synthetic) as synthetic,
        percentile_cont(0.5) within group (order by download_bps) as download_bps,
        percentile_cont(0.5) within group (order by upload_bps) as upload_bps,
        percentile_cont(0.5) within group (order by required_download_bps) as required_download_bps,
        percentile_cont(0.5) within group (order by required_upload_bps) as required_upload_bps,
        sum(missing_download_bps) as missing_download_bps,
        sum(missing_upload_bps) as missing_upload_bps,
        count(*) filter (where task = 'buy') as buy_schools,
        sum(missing_download_bps) filter (where task = 'buy') as buy_download_bps,
        sum(missing_upload_bps) filter (where task = 'buy') as buy_upload_bps,
        count(*) filter (where task = 'line') as repair_line_schools,
        sum(missing_download_bps) filter (where task = 'line') as repair_line_download_bps,
        sum(missing_upload_bps) filter (where task = 'line') as repair_line_upload_bps,
        count(*) filter (where task = 'full') as full_line_schools,
        sum(missing_download_bps) filter (where task = 'full') as full_line_download_bps,
        sum(missing_upload_bps) filter (where task = 'full') as full_line_upload_bps,
        count(*) filter (where task = 'inside') as repair_inside_schools,
        sum(missing_download_bps) filter (where task = 'inside') as repair_inside_download_bps,
        sum(missing_upload_bps) filter (where task = 'inside') as repair_inside_upload_bps,
        sum(unfit_rooms) as unfit_rooms,
        count(*) filter (where task = 'measure') as measure_schools,
        sum(missing_download_bps) filter (where task = 'measure') as measure_download_bps,
        sum(missing_upload_bps) filter (where task = 'measure') as measure_upload_bps,
        count(*) filter (where task = 'connect') as connect_schools,
        sum(needed_download_bps) filter (where task = 'connect') as connect_download_bps,
        count(*) filter (where task = 'connect') * %(upload_bps)s as connect_upload_bps
    from member
    group by region, operator
),
before as (
    select region, operator, ready::double precision / nullif(judged, 0) as share,
        case when to_do > 0 then rank() over (order by to_do desc) end as place
    from (
        select coalesce(line.region_id, chosen.region_id) as region, chosen.operator, count(line.meets) as judged,
            count(*) filter (where line.meets) as ready,
            count(*) filter (
                where not line.meets or line.state = 'not connected' or (line.state is null and connected is false)
            ) as to_do
        from chosen
        left join line_before as line on line.school_id = chosen.school_id
        where %(region)s::text is null or coalesce(line.region_id, chosen.region_id) = %(region)s
        group by 1, 2
    ) as counted
)
select now.*, concat_ws(' ', now.region, now.operator) as id, connect_schools as not_connected,
    ready::double precision / nullif(judged, 0) as share, before.share as share_before, before.place as rank_before,
    case when lacking + connect_schools > 0 then rank() over (order by lacking + connect_schools desc) end as rank,
    count(*) over () as total, sum(schools) over ()::bigint as all_schools, sum(ready) over ()::bigint as all_ready,
    sum(lacking) over ()::bigint as below, sum(connect_schools) over ()::bigint as unconnected,
    bool_or(synthetic) over () as is_synthetic
from summed as now
left join before on before.region = now.region and before.operator is not distinct from now.operator
order by lacking + connect_schools desc, missing_download_bps desc nulls last, id
limit %(limit)s offset %(offset)s
