with taken as materialized (
    select at, school_id, id from log_pending order by at, school_id, id limit %(most)s
)
delete from log_pending using taken
where log_pending.at = taken.at and log_pending.school_id = taken.school_id and log_pending.id = taken.id
returning log_pending.subject, log_pending.key, log_pending.school_id, log_pending.operator, log_pending.sha256,
    log_pending.at, log_pending.is_salted
