insert into notice_delivery (
    school_id, event_id, subscriber_id, kind, role, scope, state, tries, created_at, next_at, body
)
values (
    %(school)s, %(event_id)s, %(subscriber_id)s, %(kind)s, %(role)s, %(scope)s, 'waiting', 0, %(now)s, %(now)s, %(body)s
)
