with done as materialized (
    select * from unnest(%(schools)s::text[], %(events)s::text[]) as done (school_id, event_id)
)
update notice_event set planned_at = %(now)s
from done
where notice_event.school_id = done.school_id and notice_event.event_id = done.event_id
