-- What stood for a line and operator whose terms are gone before the month was closed.
delete from verdict
where school_id = %(school_id)s and month = %(month)s and version = 0 and not (line || '/' || operator = any(%(kept)s))
