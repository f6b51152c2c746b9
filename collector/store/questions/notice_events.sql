-- What happened, the newest first; of some events, of some schools, since a moment.
with chosen as materialized (
    select *, count(*) over () as total
    from notice_event
    where (%(events)s::text[] is null or event_id = any(%(events)s))
        and (%(school_id)s::text is null or school_id = %(school_id)s)
        and (%(kind)s::text is null or kind = %(kind)s)
        and (%(since)s::timestamptz is null or at >= %(since)s)
    order by at desc, school_id, event_id
    limit %(limit)s offset %(offset)s
)
select event_id as id, kind, chosen.school_id as school, school.name, chosen.region_id as region,
    nullif(chosen.operator, '') as operator, nullif(line, '') as line, nullif(month, '') as month, number,
    chosen.synthetic, is_late, at, detail, total
from chosen
left join school on school.school_id = chosen.school_id
order by at desc, chosen.school_id, event_id
