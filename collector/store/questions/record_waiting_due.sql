select test_id, key_id, lease_id, began_at, received_at, is_logged, envelope
from waiting_record
where due_at <= %(now)s
order by due_at
limit %(limit)s
