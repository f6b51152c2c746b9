-- What puts schools into order, of all that fit: the order of names is the reader's language's matter, and that of readiness
-- is told by score and fitness as in ranked_schools. What is joined to the registry is looked up first: over several
-- machines (Citus) policies allow no other way.
with mine as materialized (
    select case when current_setting('netready.role', true) = 'operator'
        then current_setting('netready.scope', true) else '' end as operator
),
prior as materialized (
    select share, weight from period_prior where period = %(period)s
),
line as materialized (
    select school_id, region_id, state, meets, slots_met, slots_missed, download_bps, upload_bps,
        download_at_least_bps, upload_at_least_bps, required_download_bps, required_upload_bps
    from school_period
    where period = %(period)s and operator = (select operator from mine)
        and (%(region)s::text is null or region_id = %(region)s)
)
select school.school_id, school.name, school.synthetic,
    case when line.meets is not null then
        (slots_met + coalesce((select weight from prior), 10) * coalesce((select share from prior), 0.5))
            / (slots_met + slots_missed + coalesce((select weight from prior), 10))
    end as score,
    case when coalesce(download_bps, download_at_least_bps) / required_download_bps is not null
        and coalesce(upload_bps, upload_at_least_bps) is not null
    then
        least(
            coalesce(download_bps, download_at_least_bps) / required_download_bps,
            coalesce(upload_bps, upload_at_least_bps) / required_upload_bps
        )
    end as fitness
from school
left join line on line.school_id = school.school_id
where (%(region)s::text is null or coalesce(line.region_id, school.region_id) = %(region)s)
    and (%(district)s::text is null or school.district = %(district)s)
    and (%(operator)s::text is null or school.operator = %(operator)s)
    and (%(technology)s::text is null or school.connectivity_type = %(technology)s)
    and (%(state)s::text is null
        or coalesce(line.state, case when school.connected is false then 'not connected' end, 'not enough data')
            = %(state)s)
    and (school.closed_on is null or school.closed_on > %(start)s)
