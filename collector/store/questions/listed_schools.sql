-- Some schools with what lists show of them. What is joined to the registry is looked up first: over several machines
-- (Citus) policies allow no other way.
with mine as materialized (
    select case when current_setting('netready.role', true) = 'operator'
        then current_setting('netready.scope', true) else '' end as operator
),
line as materialized (
    select school_id, region_id, state, meets, tests, download_bps, upload_bps, download_at_least_bps,
        upload_at_least_bps, required_download_bps, required_upload_bps
    from school_period
    where school_id = any(%(schools)s) and period = %(period)s and operator = (select operator from mine)
)
select school.school_id as id, school.name, coalesce(line.region_id, school.region_id) as region, school.district,
    school.operator, school.connectivity_type as technology, school.synthetic,
    coalesce(line.state, case when school.connected is false then 'not connected' end, 'not enough data') as state,
    line.meets, coalesce(line.tests, 0) as tests, line.download_bps, line.upload_bps, line.download_at_least_bps,
    line.upload_at_least_bps, line.required_download_bps, line.required_upload_bps
from school
left join line on line.school_id = school.school_id
where school.school_id = any(%(schools)s)
