select count(*) from audit_entry
where (%(who)s::text is null or who = %(who)s)
    and (%(what)s::text is null or what = %(what)s)
    and (%(about)s::text is null or about = %(about)s)
    and (%(since)s::timestamptz is null or at >= %(since)s)
