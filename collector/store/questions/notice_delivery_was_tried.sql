update notice_delivery set state = %(state)s, tries = tries + 1, tried_at = %(now)s, next_at = %(next_at)s,
    outcome = %(outcome)s
where school_id = %(school)s and event_id = %(event_id)s and subscriber_id = %(subscriber_id)s and state = 'waiting'
