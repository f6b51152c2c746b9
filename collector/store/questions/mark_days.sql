insert into dirty_day (school_id, day)
select * from unnest(%(schools)s::text[], %(days)s::date[])
on conflict do nothing
