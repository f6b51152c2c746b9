-- A school stands in the region that it stood in when the period was measured, as its judged period does.
insert into school_finding (
    school_id, period, ranking, operator, region_id, synthetic, class, score, meets, body, rules_version
)
select school.school_id, %(period)s, %(ranking)s, %(operator)s, coalesce(judged.region_id, school.region_id),
    school.synthetic, %(class)s, %(score)s, %(meets)s, %(body)s, %(rules_version)s
from school
left join school_period as judged
    on judged.school_id = school.school_id and judged.period = %(period)s and judged.operator = ''
where school.school_id = %(school_id)s
