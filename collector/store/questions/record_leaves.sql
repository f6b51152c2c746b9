delete from waiting_record
where test_id = %(test_id)s and key_id = %(key_id)s and began_at = %(began_at)s
returning lease_id, envelope
