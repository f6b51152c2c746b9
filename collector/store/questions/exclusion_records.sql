-- All records of exclusions that the viewer may see: of one of them, or of those that touch a span of time. For a school
-- its own are looked at, those of its region and those of the whole country.
select body from exclusion
where (%(id)s::text is null or exclusion_id = %(id)s)
    and (%(school_id)s::text is null or school_id in ('', %(school_id)s))
    and (%(region_id)s::text is null or region_id in ('', %(region_id)s))
    and (%(begins)s::timestamptz is null or ends > %(begins)s)
    and (%(ends)s::timestamptz is null or begins < %(ends)s)
order by exclusion_id, number
