select distinct one.relname, other.relname
from pg_constraint
join pg_class as one on one.oid = conrelid
join pg_class as other on other.oid = confrelid
where contype = 'f' and one.relnamespace = 'public'::regnamespace
