insert into log_pending (school_id, operator, subject, key, sha256, at, is_salted)
select * from unnest(%(school_id)s, %(operator)s, %(subject)s, %(key)s, %(sha256)s, %(at)s, %(is_salted)s)
