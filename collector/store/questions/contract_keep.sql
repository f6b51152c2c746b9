insert into contract (school_id, line, contract, number, operator, region_id, valid_from, recorded_at, body, sha256)
values (
    %(school_id)s, %(line)s, %(contract)s, %(number)s, %(operator)s, %(region_id)s, %(valid_from)s, %(recorded_at)s,
    %(body)s, %(sha256)s
)
