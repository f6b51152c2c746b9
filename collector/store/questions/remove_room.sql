delete from room where school_id = %(school_id)s and room_key = %(room_key)s
