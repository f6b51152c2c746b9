select one.relname, conname, pg_get_constraintdef(pg_constraint.oid)
from pg_constraint
join pg_class as one on one.oid = conrelid
where contype = 'f' and conparentid = 0 and one.relnamespace = 'public'::regnamespace and one.relname = any(%(tables)s)
order by one.relname, conname
