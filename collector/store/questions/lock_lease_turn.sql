select school_id from lease_turn where school_id = %(school_id)s for update
