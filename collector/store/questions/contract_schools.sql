-- One page of the schools with contracts that the viewer may see, or of those in use without any.
with named as materialized (
    select distinct school_id from contract
    where %(missing)s and (%(school_id)s::text is null or school_id = %(school_id)s)
),
found as materialized (
    select distinct school_id from contract
    where not %(missing)s
        and (%(operator)s::text is null or operator = %(operator)s)
        and (%(region)s::text is null or region_id = %(region)s)
        and (%(school_id)s::text is null or school_id = %(school_id)s)
    union all
    select school_id from school
    where %(missing)s and closed_on is null
        and (%(operator)s::text is null or operator = %(operator)s)
        and (%(region)s::text is null or region_id = %(region)s)
        and (%(school_id)s::text is null or school_id = %(school_id)s)
        and school_id not in (select school_id from named)
)
select school_id, count(*) over () from found order by school_id limit %(limit)s offset %(offset)s
