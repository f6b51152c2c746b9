update notice_subscriber set ended_at = %(now)s, ended_why = %(why)s
where subscriber_id = %(id)s and ended_at is null
returning name
