select school_fleet.school_id as id, school.name, school_fleet.region_id as region, school.district,
    school_fleet.state, school_fleet.days, computers, live, at_risk, silent, never_reported, restored, copied, delayed,
    versions, school_fleet.synthetic
from school_fleet
join school on school.school_id = school_fleet.school_id
where (%(region_id)s::text is null or school_fleet.region_id = %(region_id)s)
    and (%(state)s::text is null or school_fleet.state = %(state)s)
    and (%(school_id)s::text is null or school_fleet.school_id = %(school_id)s)
order by array_position(array['silent', 'at_risk', 'never_reported', 'none_enrolled', 'live'], school_fleet.state),
    school_fleet.days desc nulls last, school_fleet.school_id
