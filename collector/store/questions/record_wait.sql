insert into waiting_record (test_id, key_id, lease_id, began_at, received_at, due_at, envelope)
values (%(test_id)s, %(key_id)s, %(lease_id)s, %(began_at)s, %(received_at)s, %(received_at)s, %(envelope)s)
on conflict (test_id, key_id, began_at) do nothing
