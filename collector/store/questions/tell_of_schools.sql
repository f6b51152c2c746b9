update school set told_on = %(told_on)s where school_id = any(%(schools)s)
