select school_id, log, index, entry from log_entry
where (%(school_id)s::text is null or school_id = %(school_id)s)
    and (%(subject)s::text is null or subject = %(subject)s)
    and (log, index) > (%(log)s, %(index)s)
order by log, index limit %(limit)s
