select school_id from school_period where school_id = any(%(schools)s)
union all
select school_id from agent where school_id = any(%(schools)s)
limit 1
