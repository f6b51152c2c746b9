-- What is to be sent now: of each subscriber a few, those first that were tried least, so that one that cannot be
-- delivered holds up none behind it.
with ranked as materialized (
    select school_id as school, event_id, subscriber_id, kind, tries, created_at, body,
        row_number() over (partition by subscriber_id order by tries, created_at, school_id, event_id) as place
    from notice_delivery
    where state = 'waiting' and next_at <= %(now)s
)
select school, event_id, subscriber_id, kind, tries, created_at, body from ranked
where place <= %(each)s
order by subscriber_id, place
