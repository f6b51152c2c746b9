-- Tests for computers_in_period: the undisturbed ones that may speak for a line with a contract, which are surely over
-- a cable (an unknown or virtual link may be Wi-Fi underneath), not behind a link slower than 1.1 times the level that
-- is judged, made under today's operator.
select test.*, true as clean
from speed_test as test
join school on school.school_id = test.school_id
where test.measured_at >= %(start)s and test.measured_at < %(end)s and test.received_at >= %(start)s
    and (%(school_id)s::text is null or test.school_id = %(school_id)s)
    and (school.download_contracted_bps is not null or school.upload_contracted_bps is not null)
    and test.operator is not distinct from school.operator
    and test.tainted = '{}'
    and test.medium = 'ethernet'
    and (
        test.link_speed_bps is null
        or test.link_speed_bps >= 1.1 * %(level)s
            * greatest(school.download_contracted_bps, school.upload_contracted_bps)
    )
