select count(*) from room
join unnest(%(schools)s::text[], %(keys)s::text[]) as asked (school_id, room_key)
    on room.school_id = asked.school_id and room.room_key = asked.room_key
