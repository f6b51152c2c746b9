-- What waits longest. A school's period that was found within the hour waits on, unless few wait at all.
with waiting as (
    select school_id, period, since, marked_at
    from finding_due
    where not_before <= now() and (%(period)s::text is null or period = %(period)s)
)
select school_id, period, marked_at
from waiting
where (select count(*) from (select from waiting limit %(few)s + 1) as few) <= %(few)s
    or not exists (
        select from school_finding as found
        where found.school_id = waiting.school_id and found.period = waiting.period
            and found.updated_at > now() - interval '1 hour'
    )
order by since, school_id, period
limit %(limit)s
