-- Schools whose newest verdict on a line, in a closed month, may be another one if a breach has to be so rare.
select distinct school_id from (
    select distinct on (school_id, line) school_id, state, chance
    from verdict where month = %(month)s and operator = %(operator)s and version > 0
    order by school_id, line, version desc
) as newest
where (state = 'breach' and chance > %(most_chance)s) or (state = 'watch' and chance <= %(most_chance)s and chance < %(risk)s)
