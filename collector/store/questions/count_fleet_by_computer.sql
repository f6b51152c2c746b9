select count(*)
from computer_health
where (%(region_id)s::text is null or region_id = %(region_id)s)
    and (%(school_id)s::text is null or school_id = %(school_id)s)
    and (%(state)s::text is null or state = %(state)s)
    and (%(identity)s::text is null or identity = %(identity)s)
