select 'computer', region_id, state, count(*) from computer_health group by region_id, state
union all
select 'school', region_id, state, count(*) from school_fleet group by region_id, state
