select verdict.school_id as school, school.name, verdict.region_id as region, line, month, verdict.operator, version,
    version = 0 as is_preliminary, verdict.state, is_recurring, judged_at, encode(sha256, 'hex') as sha256,
    verdict.synthetic, body, count(*) over () as total
from verdict
left join school on school.school_id = verdict.school_id
where verdict.school_id = %(school_id)s and line = %(line)s and month = %(month)s
    and (%(operator)s::text is null or verdict.operator = %(operator)s)
order by verdict.operator, version desc
