insert into job (name, started_at, run_by)
values (%(name)s, clock_timestamp(), %(run_by)s)
on conflict (name) do update
set started_at = excluded.started_at, run_by = excluded.run_by, duration_s = null, outcome = null, error = null
where job.started_at + make_interval(secs => %(every_s)s) <= excluded.started_at
    or job.started_at > excluded.started_at  -- the clock was set back
returning name
