select relname
from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and not relispartition
    and starts_with(relname, %(table)s || '_')
