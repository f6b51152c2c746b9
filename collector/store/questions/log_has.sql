-- Which of these things of some schools stand in a log.
select distinct school_id, subject, key from log_entry
where school_id = any(%(schools)s) and key = any(%(keys)s)
