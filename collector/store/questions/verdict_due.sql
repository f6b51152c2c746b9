-- What is due, and was marked so long ago that all it was marked for is committed and older than what is judged by.
select school_id, month, marked_at from dirty_verdict
where due_at <= %(now)s and marked_at <= %(settled)s
order by due_at, school_id limit %(limit)s
