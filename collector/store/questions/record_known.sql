-- Records of these tests that are here already, with or without a school.
select test_id, key_id, began_at, envelope from waiting_record where test_id = any(%(tests)s)
union all
select test_id, key_id, began_at, envelope from server_record where test_id = any(%(tests)s)
