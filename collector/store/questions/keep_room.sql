-- A room of the register renews what a survey or a computer had told of it.
insert into room (school_id, room_key, label, floor, source, region_id, synthetic)
select school_id, %(room_key)s, %(label)s, %(floor)s, %(source)s, region_id, synthetic
from school
where school_id = %(school_id)s
on conflict (school_id, room_key) do update
set label = excluded.label, floor = coalesce(excluded.floor, room.floor), source = excluded.source
