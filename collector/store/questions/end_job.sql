update job
set duration_s = %(duration_s)s,
    outcome = case when %(error)s::text is null then 'done' else 'failed' end,
    error = %(error)s,
    succeeded_at = case when %(error)s::text is null then clock_timestamp() else succeeded_at end,
    runs = runs + 1,
    failures = failures + case when %(error)s::text is null then 0 else 1 end
where name = %(name)s
