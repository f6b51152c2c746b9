select test_id, key_id, lease_id, began_at, received_at, envelope
from server_record
where school_id = %(school_id)s and began_at >= %(begins)s and began_at < %(ends)s
order by began_at, test_id, key_id
