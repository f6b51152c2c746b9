-- Tests that a server recorded under a school's lease and that no report of the school told of.
select one.school_id, one.test_id, one.key_id, one.lease_id, lease.agent_id, one.began_at, one.received_at
from server_record as one
left join lease on lease.school_id = one.school_id and lease.lease_id = one.lease_id
where one.received_at < %(before)s
    and (%(school_id)s::text is null or one.school_id = %(school_id)s)
    and not exists (
        select 1 from reported_test as told
        where told.school_id = one.school_id and told.test_id = one.test_id
            -- What was told before was another test of the same id.
            and told.received_at >= one.began_at - interval '5 minutes'
    )
order by one.began_at desc, one.school_id, one.test_id, one.key_id
limit %(limit)s
