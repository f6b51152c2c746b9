-- What waits longest. A school's period that was found within the hour waits on, unless few wait at all.
with few as materialized (
    select count(*) <= %(few)s as wait
    from (
        select 1 from finding_due
        where not_before <= now() and (%(period)s::text is null or period = %(period)s)
        limit %(few)s + 1
    ) as waiting
)
select school_id, period, marked_at
from finding_due
where not_before <= now() and (%(period)s::text is null or period = %(period)s)
    and (
        (select wait from few)
        or not exists (
            select from school_finding as found
            where found.school_id = finding_due.school_id and found.period = finding_due.period
                and found.updated_at > now() - interval '1 hour'
        )
    )
order by since, school_id, period
limit %(limit)s
