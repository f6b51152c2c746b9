insert into exclusion (
    school_id, exclusion_id, number, region_id, operators, line, begins, ends, recorded_at, body, sha256
)
values (
    %(school_id)s, %(exclusion_id)s, %(number)s, %(region_id)s, %(operators)s, %(line)s, %(begins)s, %(ends)s,
    %(recorded_at)s, %(body)s, %(sha256)s
)
