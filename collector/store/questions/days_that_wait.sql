-- The days that wait longest, each with every reason it waits for: a day of many deliveries is added up once, not for each.
select school_id, day, since
from dirty_day
join (
    select school_id, day, min(since) as oldest
    from dirty_day
    group by school_id, day
    order by oldest, school_id, day
    limit %(limit)s
) as waiting using (school_id, day)
order by oldest, school_id, day, since
