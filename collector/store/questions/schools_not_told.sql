-- Real schools that are known and open, and not among these.
select school_id, name from school
where not synthetic and closed_on is null and school_id <> all(%(schools)s)
order by school_id
