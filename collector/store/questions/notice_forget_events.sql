-- What a later look asks stays: of each line the last that was told of a breach or its end, by month, and the deadlines of
-- disputes that wait for their decision. Else an end is never told, and a deadline twice.
with last as materialized (
    select distinct on (school_id, line, operator, month) school_id, line, operator, month, event_id, kind, is_late
    from notice_event
    where kind like 'breach.%%'
    order by school_id, line, operator, month, at desc, number desc
),
kept as materialized (
    select distinct on (school_id, line, operator) school_id, event_id
    from last
    where not is_late and kind <> 'breach.withdrawn'
    order by school_id, line, operator, month desc
)
delete from notice_event
where at < %(before)s and kind not in ('school.silent', 'school.heard')
    and not exists (
        select 1 from kept where kept.school_id = notice_event.school_id and kept.event_id = notice_event.event_id
    )
    and not (
        kind in ('dispute.due', 'dispute.overdue')
        and not exists (
            select 1 from dispute_step
            where dispute_step.school_id = notice_event.school_id and dispute_id = detail ->> 'dispute'
                and convert_from(dispute_step.body, 'UTF8')::jsonb ->> 'action' in ('withdrawn', 'decided')
        )
    )
