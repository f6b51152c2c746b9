select distinct room_key from sighting
where school_id = %(school_id)s and measured_at >= %(start)s and measured_at < %(end)s and received_at >= %(start)s
    and looked and room_key is not null
