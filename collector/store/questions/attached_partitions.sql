select child.relname
from pg_inherits
join pg_class as child on child.oid = inhrelid
where inhparent = %(table)s::regclass
