-- What the registry said of schools on a day; before it first spoke of a school, what it said then.
select distinct on (school_id) school_id, valid_from, valid_to, name, region_id, district, pupils, connectivity_type,
    operator, download_contracted_bps, upload_contracted_bps
from school_history
where school_id = any(%(schools)s)
order by school_id, valid_from <= %(day)s desc, case when valid_from <= %(day)s then -(valid_from - '2000-01-01'::date)
    else valid_from - '2000-01-01'::date end
