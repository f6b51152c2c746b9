select school_id, event_id, region_id, operator
from notice_event
where planned_at is null and not is_late
order by at, school_id, event_id
limit %(limit)s
