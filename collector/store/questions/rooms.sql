select school_id, label, floor, source from room where school_id = %(school_id)s
