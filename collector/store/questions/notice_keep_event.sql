insert into notice_event (
    school_id, event_id, kind, region_id, operator, line, month, number, synthetic, is_late, at, detail
)
values (
    %(school)s, %(event_id)s, %(kind)s, %(region)s, %(operator)s, %(line)s, %(month)s, %(number)s, %(synthetic)s,
    %(is_late)s, %(at)s, %(detail)s
)
on conflict (school_id, event_id) do nothing
