insert into dispute_step (school_id, dispute_id, number, region_id, operator, line, month, at, body, sha256)
values (
    %(school_id)s, %(dispute_id)s, %(number)s, %(region_id)s, %(operator)s, %(line)s, %(month)s, %(at)s, %(body)s,
    %(sha256)s
)
