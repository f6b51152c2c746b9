-- The newest version of each verdict, or all versions of some: breaches before what is watched, the surest before others.
with newest as materialized (
    select distinct on (school_id, line, month, operator) *
    from verdict
    where (%(school_id)s::text is null or school_id = %(school_id)s)
        and (%(line)s::text is null or line = %(line)s)
        and (%(first)s::text is null or month >= %(first)s) and (%(last)s::text is null or month <= %(last)s)
        and (%(operator)s::text is null or operator = %(operator)s)
        and (%(version)s::integer is null or version = %(version)s)
    order by school_id, line, month, operator, version desc
),
chosen as materialized (
    select *, count(*) over () as total,
        array_position(array['breach', 'watch', 'insufficient', 'no contract', 'compliant'], state) as place
    from newest
    where %(state)s::text is null or state = %(state)s
    order by month desc, place, chance nulls last, school_id, line, operator
    limit %(limit)s offset %(offset)s
)
select chosen.school_id as school, school.name, chosen.region_id as region, line, month, chosen.operator, version,
    version = 0 as is_preliminary, chosen.state, is_recurring, judged_at, encode(sha256, 'hex') as sha256,
    chosen.synthetic, body, total
from chosen
left join school on school.school_id = chosen.school_id
order by month desc, place, chance nulls last, chosen.school_id, line, operator
