select count(*) from (
    select 1 from log_entry
    where (%(school_id)s::text is null or school_id = %(school_id)s)
        and (%(subject)s::text is null or subject = %(subject)s)
    limit %(most)s
) as counted
