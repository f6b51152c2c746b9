select body from dispute_step
where (%(id)s::text is null or dispute_id = %(id)s)
    and (%(school_id)s::text is null or school_id = %(school_id)s)
    and (%(operator)s::text is null or operator = %(operator)s)
    and (%(line)s::text is null or line = %(line)s)
    and (%(month)s::text is null or month = %(month)s)
order by dispute_id, number
