-- A day that is over is looked at once more, for what was not measured and why: of every school that has computers.
insert into dirty_day (school_id, day)
select distinct school_id, %(day)s::date from agent where revoked_at is null and ended_at is null
on conflict do nothing
