-- Who is shown the records of an exclusion.
select operators from exclusion where school_id = %(school_id)s and exclusion_id = %(id)s and number = 1
