-- By what the schools of a region, or of all, can be chosen: each district and each technology once.
select 'district' as part, district as word from school
where district is not null and (%(region)s::text is null or region_id = %(region)s) group by district
union all
select 'technology', connectivity_type from school where connectivity_type is not null group by connectivity_type
