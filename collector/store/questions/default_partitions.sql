select nspname, relname
from pg_partitioned_table
join pg_class on pg_class.oid = partdefid
join pg_namespace on pg_namespace.oid = relnamespace
where partdefid <> 0 and nspname = 'public'
order by relname
