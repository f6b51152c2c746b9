-- Days that were added up under the hours and targets of before, of every school in the scope.
insert into dirty_day (school_id, day)
select distinct school_day.school_id, school_day.day
from school_day
join school on school.school_id = school_day.school_id
where school_day.day >= %(since)s
    and (%(region_id)s = '' or school.region_id = %(region_id)s)
    and (%(school_id)s = '' or school.school_id = %(school_id)s)
on conflict do nothing
