insert into server_record (
    school_id, test_id, key_id, lease_id, began_at, received_at, region_id, operator, envelope
)
values (
    %(school_id)s, %(test_id)s, %(key_id)s, %(lease_id)s, %(began_at)s, %(received_at)s, %(region_id)s, %(operator)s,
    %(envelope)s
)
on conflict (school_id, test_id, key_id, began_at) do nothing
returning test_id
