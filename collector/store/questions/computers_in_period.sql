-- For every computer with speed tests among those that another question chooses, and calls clean or not: the typical
-- (median) clean result; what at least half of its clean tests prove (one that says "at least" counts as its lower
-- bound); and what half of them leave possible (one that says "at least" counts as no limit: 1e13 bit/s, the contract's
-- bound). Paced tests and those the meter could not bound from above say "at least".
with test as (
{tests})
select
    school_id,
    agent_id,
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
from test
group by school_id, agent_id
order by school_id, agent_id
