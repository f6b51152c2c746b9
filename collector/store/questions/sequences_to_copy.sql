select pg_class.relname, attname, last_value
from pg_sequences
join pg_depend on objid = format('%I.%I', schemaname, sequencename)::regclass and deptype in ('a', 'i')
join pg_class on pg_class.oid = refobjid
join pg_attribute on attrelid = refobjid and attnum = refobjsubid
where schemaname = 'public' and last_value is not null
order by pg_class.relname, attname
