-- Test servers and their own records of tests. A record that waits for its school is nobody's to read.
grant select on test_server_key, server_record, reported_test to {query};
grant select on test_server_key, server_record, reported_test to {ingest};
grant insert on server_record, reported_test to {ingest};
grant select, insert, delete on waiting_record to {ingest};
grant update (due_at, is_logged) on waiting_record to {ingest};

drop policy if exists taker on server_record;
create policy taker on server_record to {ingest} using (true) with check (true);
drop policy if exists taker on reported_test;
create policy taker on reported_test to {ingest} using (true) with check (true);
