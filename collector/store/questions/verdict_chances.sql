-- How each line of an operator came out in a month, by its newest version.
select distinct on (school_id, line) state, chance, synthetic
from verdict where month = %(month)s and operator = %(operator)s
order by school_id, line, version desc
