-- What no checkpoint of a log that ended had covered waits for its place in the next one.
insert into log_pending (school_id, operator, subject, key, sha256, at, is_salted)
select school_id, operator, subject, key, decode(convert_from(entry, 'UTF8')::jsonb ->> 'sha256', 'hex'), at,
    convert_from(entry, 'UTF8')::jsonb ->> 'salt' is not null
from log_entry where log = %(log)s and index >= %(size)s
