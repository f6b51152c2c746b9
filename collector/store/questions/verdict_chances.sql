-- How rare each judged line of each operator is in a month, by its newest version.
select operator, chance from (
    select distinct on (school_id, line, operator) operator, state, chance
    from verdict where month = %(month)s and (%(operator)s::text is null or operator = %(operator)s)
    order by school_id, line, operator, version desc
) as newest
where state not in ('insufficient', 'no contract') and chance is not null
