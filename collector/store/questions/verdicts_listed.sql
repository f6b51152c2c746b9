-- The newest version of each verdict, or all versions of some: breaches before what is watched, the surest before others.
-- What they say is read of one page alone: sorting it for all of a month takes ten times as long.
with newest as materialized (
    select distinct on (school_id, line, month, operator) school_id, line, month, operator, version, state, chance
    from verdict
    where (%(school_id)s::text is null or school_id = %(school_id)s)
        and (%(region)s::text is null or region_id = %(region)s)
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
select verdict.school_id as school, school.name, verdict.region_id as region, verdict.line, verdict.month,
    verdict.operator, verdict.version, verdict.version = 0 as is_preliminary, verdict.state, is_recurring, judged_at,
    encode(sha256, 'hex') as sha256, verdict.synthetic, body, total
from chosen
join verdict on verdict.school_id = chosen.school_id and verdict.line = chosen.line and verdict.month = chosen.month
    and verdict.operator = chosen.operator and verdict.version = chosen.version
left join school on school.school_id = verdict.school_id
order by verdict.month desc, place, verdict.chance nulls last, verdict.school_id, verdict.line, verdict.operator
