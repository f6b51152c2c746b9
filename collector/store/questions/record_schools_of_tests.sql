-- Which school told of a test first.
select distinct on (test_id) test_id, school_id, region_id, operator
from reported_test
where test_id = any(%(tests)s)
order by test_id, received_at, school_id
