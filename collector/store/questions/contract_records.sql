-- All records of contracts that the viewer may see, of one school, some schools or one operator.
select body from contract
where (%(schools)s::text[] is null or school_id = any(%(schools)s))
    and (%(operator)s::text is null or operator = %(operator)s)
order by school_id, line, contract, number
