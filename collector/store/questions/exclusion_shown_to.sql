-- An operator that comes to a line is shown what is excluded there.
update exclusion set operators = operators || %(operator)s::text
where school_id = %(school_id)s and (line is null or line = %(line)s) and %(operator)s <> all(operators)
