select name, started_at, run_by, duration_s, outcome, error, succeeded_at, runs, failures from job order by name
