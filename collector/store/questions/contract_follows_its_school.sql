-- A school that came to another region takes its contracts, exclusions and disputes along.
update {table} set region_id = school.region_id from school
where {table}.school_id = school.school_id and school.school_id = any(%(schools)s)
    and {table}.region_id <> school.region_id
