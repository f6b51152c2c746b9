-- How many speed tests of each school the viewer sees in the period, and the newest: when either changes there is news.
select school_id, count(*) as tests, max(measured_at) as newest
from speed_test
where measured_at >= %(start)s and measured_at < %(end)s
group by school_id
