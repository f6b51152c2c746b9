select entry_id, at, who, role, scope, address, what, about, detail from audit_entry
where (%(before)s::bigint is null or entry_id < %(before)s)
    and (%(who)s::text is null or who = %(who)s)
    and (%(what)s::text is null or what = %(what)s)
    and (%(about)s::text is null or about = %(about)s)
    and (%(since)s::timestamptz is null or at >= %(since)s)
order by entry_id desc limit %(limit)s
