select school_id, log, index, entry from log_entry
where key = %(key)s and subject = %(subject)s and (%(school_id)s::text is null or school_id = %(school_id)s)
order by log, index limit %(limit)s
