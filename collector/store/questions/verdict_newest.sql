select line, operator, version, body
from verdict as one
where school_id = %(school_id)s and month = %(month)s
    and version = (
        select max(version) from verdict
        where school_id = %(school_id)s and line = one.line and month = %(month)s and operator = one.operator
    )
