-- Which verdicts a bundle shows: the newest version of each, or the one that was asked for; and which rules they name.
select distinct on (school_id, line, month, operator) school_id, line, month, operator, version,
    convert_from(body, 'UTF8')::jsonb ->> 'standard_sha256' as standard,
    convert_from(body, 'UTF8')::jsonb ->> 'causes_sha256' as causes
from verdict
where (%(school)s::text is null or school_id = %(school)s)
    and (%(line)s::text is null or line = %(line)s)
    and (%(month)s::text is null or month = %(month)s)
    and (%(operator)s::text is null or operator = %(operator)s)
    and (%(version)s::integer is null or version = %(version)s)
order by school_id, line, month, operator, version desc
