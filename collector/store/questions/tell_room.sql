-- A room that a survey or a computer tells of is added, up to a number, and changes a known one only in what is not yet
-- known of it.
insert into room (school_id, room_key, label, floor, source, region_id, synthetic)
select school_id, %(room_key)s, %(label)s, %(floor)s, %(source)s, region_id, synthetic
from school
where school_id = %(school_id)s
    and (select count(*) from room where room.school_id = %(school_id)s and room_key <> %(room_key)s) < %(most)s
on conflict (school_id, room_key) do update
set floor = excluded.floor
where room.floor is null and excluded.floor is not null
