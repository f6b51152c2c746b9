-- A school's entries about its verdict of this key, one for each operator that has such a version.
select school_id, log, index, entry from log_entry
where school_id = %(school_id)s and subject = 'verdict' and key = %(key)s
order by log, index
