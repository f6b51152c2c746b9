-- An operator that comes to a line is shown what is excluded there, but nothing that is another operator's.
-- Whose it is is read first: Citus takes no such function of a column into a change.
with hidden as materialized (
    select exclusion_id, number from exclusion
    where school_id = %(school_id)s and (line is null or line = %(line)s) and %(operator)s <> all(operators)
        and convert_from(body, 'UTF8')::jsonb ->> 'operator' is null
)
update exclusion set operators = operators || %(operator)s::text
from hidden
where exclusion.school_id = %(school_id)s and exclusion.exclusion_id = hidden.exclusion_id
    and exclusion.number = hidden.number
