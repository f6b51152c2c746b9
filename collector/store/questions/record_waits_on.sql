update waiting_record
set due_at = %(due_at)s, is_logged = is_logged or %(is_logged)s
where test_id = %(test_id)s and key_id = %(key_id)s and began_at = %(began_at)s
