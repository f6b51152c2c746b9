-- Schools that fell silent, or are heard again, since that was last told.
with newest as materialized (
    select distinct on (school_id) school_id, kind, number
    from notice_event
    where kind in ('school.silent', 'school.heard')
    order by school_id, at desc, number desc, kind
),
fleet as materialized (
    select school_id, region_id, state, days, synthetic from school_fleet
    where state in ('silent', 'live', 'at_risk') and (%(synthetic)s or not synthetic)
)
select fleet.school_id as school, region_id as region, state, days, synthetic, coalesce(number, 0) as number
from fleet
left join newest on newest.school_id = fleet.school_id
where (state = 'silent' and days >= %(days)s and kind is distinct from 'school.silent')
    or (state <> 'silent' and kind = 'school.silent')
order by fleet.school_id
