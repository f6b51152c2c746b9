select school_id, region_id from school where school_id = any(%(schools)s)
