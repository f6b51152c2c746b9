-- The entries about some things of a school; '' is the school of what concerns no single one.
select school_id, log, index, entry from log_entry
where school_id = any(%(schools)s) and subject = %(subject)s and key = any(%(keys)s)
order by log, index
