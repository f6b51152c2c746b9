-- Tables that Citus knows no place of, and whether they have the key. agent goes first: the others lie beside it.
select relname::text,
    exists (select from pg_attribute where attrelid = pg_class.oid and attname = %(key)s and not attisdropped)
from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
    -- by its key, or copied to each machine; what is in Citus's list otherwise stays here
    and not exists (
        select from pg_dist_partition where logicalrelid = pg_class.oid and (partmethod = 'h' or repmodel = 't')
    )
order by relname <> 'agent', relname
