-- A test made while the registry named no operator belongs to the first one it names. Later changes leave it alone.
update {table}
set operator = school.operator
from school
where school.school_id = {table}.school_id and school.school_id = any(%(schools)s) and school.operator is not null
    and {table}.operator is null
