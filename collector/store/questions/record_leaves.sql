delete from waiting_record
where test_id = %(test_id)s and key_id = %(key_id)s
returning lease_id, began_at, envelope
