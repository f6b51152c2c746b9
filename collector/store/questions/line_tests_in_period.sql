-- The same figures as computers_in_period, from the undisturbed tests that may speak for a line with a contract: surely
-- over a cable (an unknown or virtual link may be Wi-Fi underneath), not behind a link slower than 1.1 times the level
-- that is judged, made under today's operator.
select
    test.school_id,
    test.agent_id,
    count(*) as tests,
    count(download_bps) as download_tests,
    count(download_bps) filter (where not download_at_least) as download_bounded_tests,
    percentile_cont(0.5) within group (order by download_bps) filter (where not download_at_least) as download_bps,
    percentile_cont(0.5) within group (order by case when download_at_least then download_low_bps else download_bps end)
        as download_proven_bps,
    percentile_cont(0.5) within group (order by case when download_at_least then 1e13 else download_bps end)
        as download_possible_bps,
    count(upload_bps) as upload_tests,
    count(upload_bps) filter (where not upload_at_least) as upload_bounded_tests,
    percentile_cont(0.5) within group (order by upload_bps) filter (where not upload_at_least) as upload_bps,
    percentile_cont(0.5) within group (order by case when upload_at_least then upload_low_bps else upload_bps end)
        as upload_proven_bps,
    percentile_cont(0.5) within group (order by case when upload_at_least then 1e13 else upload_bps end)
        as upload_possible_bps
from speed_test as test
join school on school.school_id = test.school_id
where test.measured_at >= %(start)s and test.measured_at < %(end)s
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
group by test.school_id, test.agent_id
order by test.school_id, test.agent_id
