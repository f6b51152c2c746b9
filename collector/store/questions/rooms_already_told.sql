-- Of these rooms, those of which there is nothing new in what was told.
select room.school_id, room.room_key
from room
join unnest(%(schools)s::text[], %(keys)s::text[], %(floors)s::text[]) as told (school_id, room_key, floor)
    on room.school_id = told.school_id and room.room_key = told.room_key
where room.floor is not null or told.floor is null
