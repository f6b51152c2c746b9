-- Which of these things of some schools wait for their place in the log.
select distinct school_id, subject, key from log_pending
where school_id = any(%(schools)s) and key = any(%(keys)s)
