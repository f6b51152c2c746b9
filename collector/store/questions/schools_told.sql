-- When a registry last told of these schools; of those imported before there were dates, when they were imported.
select school_id, coalesce(told_on, updated_at::date) from school where school_id = any(%(schools)s)
