select agent_id as id, school_id as school, region_id as region, state, days, identity, room, software, last_seen_at,
    enrolled_at, delay_s, waiting, dropped, refused, is_delayed, synthetic
from computer_health
where (%(region_id)s::text is null or region_id = %(region_id)s)
    and (%(school_id)s::text is null or school_id = %(school_id)s)
    and (%(state)s::text is null or state = %(state)s)
    and (%(identity)s::text is null or identity = %(identity)s)
order by array_position(array['silent', 'at_risk', 'never_reported', 'live'], state), days desc, school_id, agent_id
limit %(limit)s offset %(offset)s
