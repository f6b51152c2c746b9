-- The newest version of each verdict, or all versions of some: breaches before what is watched, the surest before others.
-- Which months a page is of is counted first: then no more is sorted than these. What verdicts say is read of the page
-- alone. No sub-select stands beside what was looked up: over several machines (Citus) it finds nothing there.
with newest as materialized (
    select distinct on (month, school_id, line, operator) school_id, line, month, operator, version, state, chance
    from verdict
    where (%(school_id)s::text is null or school_id = %(school_id)s)
        and (%(region)s::text is null or region_id = %(region)s)
        and (%(line)s::text is null or line = %(line)s)
        and (%(first)s::text is null or month >= %(first)s) and (%(last)s::text is null or month <= %(last)s)
        and (%(operator)s::text is null or operator = %(operator)s)
        and (%(version)s::integer is null or version = %(version)s)
    order by month, school_id, line, operator, version desc
),
counted as materialized (
    select month, count(*) as lines, sum(count(*)) over (order by month desc) as until, sum(count(*)) over () as total
    from newest
    where %(state)s::text is null or state = %(state)s
    group by month
),
shown as materialized (
    select *, min(until - lines) over () as before
    from counted
    where until > %(offset)s::bigint and until - lines < %(offset)s::bigint + %(limit)s::bigint
),
placed as materialized (
    select newest.*, place, before
    from newest
    join shown on shown.month = newest.month
    cross join lateral array_position(array['breach', 'watch', 'insufficient', 'no contract', 'compliant'], state) as place
    where %(state)s::text is null or state = %(state)s
    order by newest.month desc, place, chance nulls last, school_id, line, operator
    limit %(offset)s::bigint + %(limit)s::bigint
),
numbered as materialized (
    select *, before + row_number() over (
        order by month desc, place, chance nulls last, school_id, line, operator
    ) as number
    from placed
),
chosen as materialized (
    select * from numbered where number > %(offset)s::bigint and number <= %(offset)s::bigint + %(limit)s::bigint
)
select verdict.school_id as school, school.name, verdict.region_id as region, verdict.line, verdict.month,
    verdict.operator, verdict.version, verdict.version = 0 as is_preliminary, verdict.state, is_recurring, judged_at,
    encode(sha256, 'hex') as sha256, verdict.synthetic, body, total::bigint as total
from chosen
join shown on shown.month = chosen.month
join verdict on verdict.school_id = chosen.school_id and verdict.line = chosen.line and verdict.month = chosen.month
    and verdict.operator = chosen.operator and verdict.version = chosen.version
left join school on school.school_id = verdict.school_id
order by verdict.month desc, place, verdict.chance nulls last, verdict.school_id, verdict.line, verdict.operator
