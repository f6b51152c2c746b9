select whole.relname, part.relname, pg_get_expr(part.relpartbound, part.oid)
from pg_inherits
join pg_class as whole on whole.oid = inhparent
join pg_class as part on part.oid = inhrelid
where whole.relnamespace = 'public'::regnamespace and part.relispartition and part.relkind = 'r'
order by whole.relname, part.relname
