-- The newest of a school stays: it says whether its silence was told.
with newest as materialized (
    select school_id, max(at) as at from notice_event where kind in ('school.silent', 'school.heard') group by school_id
)
delete from notice_event using newest
where notice_event.school_id = newest.school_id and notice_event.at < newest.at and notice_event.at < %(before)s
    and kind in ('school.silent', 'school.heard')
