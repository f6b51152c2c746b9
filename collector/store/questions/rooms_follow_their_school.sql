update room set region_id = school.region_id from school
where room.school_id = school.school_id and school.school_id = any(%(schools)s) and room.region_id <> school.region_id
