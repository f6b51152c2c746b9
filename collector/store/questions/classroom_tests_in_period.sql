-- The same figures as computers_in_period, of the computers that stand in a room and from the tests that show what the
-- room gets: a test that only the way inside the school held back (link_limited) is just that, and counts.
select
    test.school_id,
    test.agent_id,
    count(*) as tests,
    count(download_bps) filter (where clean) as download_tests,
    count(download_bps) filter (where clean and not download_at_least) as download_bounded_tests,
    percentile_cont(0.5) within group (order by download_bps) filter (where clean and not download_at_least)
        as download_bps,
    percentile_cont(0.5) within group (order by case when download_at_least then download_low_bps else download_bps end)
        filter (where clean) as download_proven_bps,
    percentile_cont(0.5) within group (order by case when download_at_least then 1e13 else download_bps end)
        filter (where clean) as download_possible_bps,
    count(upload_bps) filter (where clean) as upload_tests,
    count(upload_bps) filter (where clean and not upload_at_least) as upload_bounded_tests,
    percentile_cont(0.5) within group (order by upload_bps) filter (where clean and not upload_at_least) as upload_bps,
    percentile_cont(0.5) within group (order by case when upload_at_least then upload_low_bps else upload_bps end)
        filter (where clean) as upload_proven_bps,
    percentile_cont(0.5) within group (order by case when upload_at_least then 1e13 else upload_bps end)
        filter (where clean) as upload_possible_bps
from (select *, tainted <@ array['link_limited'] as clean from speed_test) as test
join sighting
    on sighting.school_id = test.school_id and sighting.agent_id = test.agent_id and sighting.sequence = test.sequence
where test.measured_at >= %(start)s and test.measured_at < %(end)s and sighting.room_key is not null
    and (%(school_id)s::text is null or test.school_id = %(school_id)s)
group by test.school_id, test.agent_id
order by test.school_id, test.agent_id
