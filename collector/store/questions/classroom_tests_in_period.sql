-- Tests for computers_in_period, of the computers that stand in a room. Clean are those that show what the room gets: a
-- test that only the way inside the school held back (link_limited) is just that, and counts.
select test.*, tainted <@ array['link_limited'] as clean
from speed_test as test
join sighting
    on sighting.school_id = test.school_id and sighting.agent_id = test.agent_id and sighting.sequence = test.sequence
    and sighting.received_at = test.received_at
where test.measured_at >= %(start)s and test.measured_at < %(end)s and test.received_at >= %(start)s
    and sighting.room_key is not null
    and (%(school_id)s::text is null or test.school_id = %(school_id)s)
