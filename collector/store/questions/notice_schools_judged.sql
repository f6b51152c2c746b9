-- Schools of which a verdict was made since.
select distinct school_id from verdict
where version > 0 and judged_at > %(since)s and (%(synthetic)s or not synthetic)
order by school_id
