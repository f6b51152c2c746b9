select test_id, key_id, lease_id, began_at, received_at, is_logged, envelope
from waiting_record
where test_id = any(%(tests)s)
