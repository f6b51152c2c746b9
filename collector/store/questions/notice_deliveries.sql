select event_id as id, subscriber_id as subscriber, kind, nullif(school_id, '') as school, state, tries, created_at,
    tried_at, case when state = 'waiting' then next_at end as next_at, outcome, count(*) over () as total
from notice_delivery
where (%(subscriber)s::text is null or subscriber_id = %(subscriber)s)
    and (%(state)s::text is null or state = %(state)s)
order by created_at desc, school_id, event_id, subscriber_id
limit %(limit)s offset %(offset)s
