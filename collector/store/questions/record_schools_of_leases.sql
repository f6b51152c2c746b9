-- Whose a record is by the lease that it names, if its test began while that lease held, or as close to it as clocks agree.
with asked as materialized (
    select * from unnest(%(tests)s::text[], %(keys)s::text[], %(leases)s::text[], %(moments)s::timestamptz[])
        as one (test_id, key_id, lease_id, began_at)
)
select asked.test_id, asked.key_id, asked.began_at, lease.school_id, school.region_id, school.operator
from asked
join lease on lease.lease_id = asked.lease_id
    and asked.began_at between lease.starts_at - %(clock)s::interval and lease.ends_at + %(clock)s::interval
join school on school.school_id = lease.school_id
