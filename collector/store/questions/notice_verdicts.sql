-- The newest version of every closed month of schools' lines.
select distinct on (school_id, line, operator, month) school_id as school, line, operator, month, version, state,
    region_id as region, synthetic, judged_at, chance, is_recurring, encode(sha256, 'hex') as sha256
from verdict
where school_id = any(%(schools)s) and version > 0
order by school_id, line, operator, month, version desc
