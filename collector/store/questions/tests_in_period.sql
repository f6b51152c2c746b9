-- Tests for computers_in_period; undisturbed ones are clean. Asked for cabled computers only, tests over anything that
-- is not surely a cable are left out.
select *, tainted = '{}' as clean
from speed_test
where measured_at >= %(start)s and measured_at < %(end)s and received_at >= %(start)s
    and (%(school_id)s::text is null or school_id = %(school_id)s)
    and (medium = 'ethernet' or not %(cabled)s)
