-- An operator that comes to a line is shown what is excluded there, but nothing that is another operator's.
update exclusion set operators = operators || %(operator)s::text
where school_id = %(school_id)s and (line is null or line = %(line)s) and %(operator)s <> all(operators)
    and convert_from(body, 'UTF8')::jsonb ->> 'operator' is null
