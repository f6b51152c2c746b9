insert into lease_turn (school_id) values (%(school_id)s) on conflict do nothing
